export { rotationPolicy } from '../workflows/rotation-policy.ts';
export { bareSleeper, bareWorkflow } from './bare-workflow.ts';
export { collectGarbage } from './collect-garbage.ts';
