import { decodeOptionalFailureToOptionalError } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { PolicyStatus } from '../policy/life/status.ts';
import * as messages from '../workflows/messages.ts';
import { query } from './ask.ts';
import type { Temporal } from './temporal.ts';

/**
 * How a policy stands, and why a step goes on: what its last try ran into. Only Temporal knows that while it is tried
 * again; the workflow hears of it when the tries are used up, which may be in 20 minutes. Errors as `query`.
 */
export async function policyStatus(temporal: Temporal, policy: string): Promise<PolicyStatus> {
  const status = await query(temporal, policy, messages.status);
  const { running } = status;
  const step = running?.steps.find(({ state }) => state === 'running');
  if (!running || !step) return status;
  // Without it the status is true all the same.
  const note = await lastTry(temporal, policy, step.step).catch(() => null);
  if (note === null) return status;
  return {
    ...status,
    running: { ...running, steps: running.steps.map((one) => (one === step ? { ...one, note } : one)) },
  };
}

async function lastTry({ client }: Temporal, policy: string, step: string): Promise<string | null> {
  const { raw } = await client.workflow.getHandle(messages.workflowId(policy)).describe();
  const activity = raw.pendingActivities?.find(({ activityType }) => activityType?.name === step);
  const { loadedDataConverter } = client.options;
  const failure = await decodeOptionalFailureToOptionalError(loadedDataConverter, activity?.lastFailure);
  return failure === undefined ? null : `is tried again: ${failure.message}`;
}
