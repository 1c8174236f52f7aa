import { decodeOptionalFailureToOptionalError } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { PolicyStatus } from '../policy/status.ts';
import { workflowId } from '../workflows/messages.ts';
import type { Temporal } from './temporal.ts';

/**
 * A status that says why a step goes on: what its last try ran into. Only Temporal knows while it is tried again; the
 * workflow hears of it when the tries are used up, which may be in 20 minutes.
 */
export async function withLastTry(temporal: Temporal, status: PolicyStatus): Promise<PolicyStatus> {
  const { running } = status;
  const step = running?.steps.find(({ state }) => state === 'running');
  if (!running || !step) return status;
  // Without it the status is true all the same.
  const note = await lastTry(temporal, status.name, step.step).catch(() => null);
  if (note === null) return status;
  return {
    ...status,
    running: { ...running, steps: running.steps.map((one) => (one === step ? { ...one, note } : one)) },
  };
}

async function lastTry({ client }: Temporal, policy: string, step: string): Promise<string | null> {
  const { raw } = await client.workflow.getHandle(workflowId(policy)).describe();
  const activity = raw.pendingActivities?.find(({ activityType }) => activityType?.name === step);
  const { loadedDataConverter } = client.options;
  const failure = await decodeOptionalFailureToOptionalError(loadedDataConverter, activity?.lastFailure);
  return failure === undefined ? null : `is tried again: ${failure.message}`;
}
