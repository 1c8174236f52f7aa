export { placeLease, rotationPolicy } from '../workflows/index.ts';
export { bareSleeper, bareWorkflow } from './bare-workflow.ts';
export { collectGarbage } from './collect-garbage.ts';
