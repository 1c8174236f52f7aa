import { workflowId } from '../workflows/messages.ts';
import { fewAtOnce } from './few-at-once.ts';
import { request } from './request.ts';
import type { Temporal } from './temporal.ts';
import { grpc, grpcStatusOf } from './temporal-error.ts';

/**
 * While `work` is done, the current build takes the turns of these policies' runs, whichever build they keep to: it replays
 * what they did on theirs. For a build that no worker runs any more; code that cannot replay them fails their turns, and
 * they are afterwards what they were.
 */
export async function whileTakenOver<Result>(
  temporal: Temporal,
  policies: readonly string[],
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    await fewAtOnce(policies, (policy) => override(temporal, policy, { autoUpgrade: true }));
    return await work();
  } finally {
    // A new run has it from the one before: it keeps to its build again.
    await fewAtOnce(policies, (policy) => override(temporal, policy, null));
  }
}

async function override(
  temporal: Temporal,
  policy: string,
  versioningOverride: { autoUpgrade: true } | null,
): Promise<void> {
  const { connection, namespace } = temporal;
  await request(temporal, async () => {
    try {
      await connection.workflowService.updateWorkflowExecutionOptions({
        namespace,
        workflowExecution: { workflowId: workflowId(policy) },
        workflowExecutionOptions: { versioningOverride },
        updateMask: { paths: ['versioning_override'] },
      });
    } catch (error) {
      // It ended since it was found.
      if (grpcStatusOf(error).code !== grpc.notFound) throw error;
    }
  });
}
