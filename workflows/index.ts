export { rotationPolicy } from './rotation-policy.ts';
