import { makeContinueAsNewFunc, type Workflow, workflowInfo } from '@temporalio/workflow';

/**
 * Answers what says whether this run should go on in a new one, because another build of the code has become the current
 * one since it began. Temporal tells a run with its next turn only: one that sleeps hears of it when it is refreshed.
 *
 * A run that was outdated from its start is left alone: continuing as new has not helped it (somebody has tied it to its
 * build), and would not again, for ever.
 */
export function watchBuild(): () => boolean {
  const isOutdated = () => workflowInfo().targetWorkerDeploymentVersionChanged;
  const fromTheStart = isOutdated();
  return () => !fromTheStart && isOutdated();
}

/**
 * Continues as new on the build that is current then. Without versioning, and on servers before 1.30, the wish is ignored:
 * there any worker takes the new run, or the current build has taken this one already.
 */
export function continueOnCurrentBuild<Run extends Workflow>(...state: Parameters<Run>): Promise<never> {
  return makeContinueAsNewFunc<Run>({ initialVersioningBehavior: 'AUTO_UPGRADE' })(...state);
}
