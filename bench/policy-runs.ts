import { type Client, WithStartWorkflowOperation, WorkflowContinuedAsNewError } from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import { decodeFromPayloadsAtIndex } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { type Policy, policyVersion } from '../policy/declared/policy.ts';
import { newPolicyState, type PolicyState } from '../policy/life/state.ts';
import { applyPolicy, workflowId, workflowType } from '../workflows/messages.ts';
import { searchAttributes } from '../workflows/search-attributes.ts';

/** A policy with one store that sleeps for a month unless `changes` say otherwise. */
export function benchPolicy(name: string, changes: Partial<Policy> = {}): Policy {
  return {
    version: policyVersion,
    name,
    connection: 'main',
    schedule: { every: 30, at: '03:30', timeZone: 'Europe/Berlin' },
    autoRotate: true,
    key: {
      name: 'checkout-prod',
      limit: 50,
      limitReset: 'monthly',
      includeByokInLimit: false,
      workspace: null,
      expiresAfterMs: null,
    },
    secret: { name: `KEY_OF_${name}`, stores: ['local'] },
    graceMs: 24 * 3_600_000,
    quarantineMs: 7 * 24 * 3_600_000,
    ...changes,
  };
}

/** Creates a policy by update-with-start. Answers the id of the run that issues its first key. */
export async function startPolicy(client: Client, taskQueue: string, policy: Policy): Promise<string> {
  const startWorkflowOperation = new WithStartWorkflowOperation<Workflow>(workflowType, {
    workflowId: workflowId(policy.name),
    taskQueue,
    args: [newPolicyState(policy.name)],
    workflowIdConflictPolicy: 'FAIL',
    typedSearchAttributes: [
      { key: searchAttributes.state, value: 'new' },
      { key: searchAttributes.connection, value: policy.connection },
    ],
  });
  const update = await client.workflow.startUpdateWithStart(applyPolicy, {
    startWorkflowOperation,
    args: [policy, {}],
    waitForStage: 'ACCEPTED',
  });
  await update.result();
  if (update.workflowRunId === undefined) throw new Error('the update does not say which run took it');
  return update.workflowRunId;
}

/** Waits until a run has done what it was for and handed over. Answers the id of the run that took over. */
export async function finishedRun(client: Client, policy: string, runId: string): Promise<string> {
  try {
    await client.workflow.getHandle(workflowId(policy), runId, { followRuns: false }).result();
  } catch (error) {
    if (error instanceof WorkflowContinuedAsNewError) return error.newExecutionRunId;
    throw error;
  }
  throw new Error(`policy ${policy} has ended where it should have gone on`);
}

/** A run's events, the names of its activities in their order, and the bytes that the server counts. */
export async function historyOf(client: Client, id: string, runId?: string) {
  const handle = client.workflow.getHandle(id, runId);
  const [history, described] = await Promise.all([handle.fetchHistory(), handle.describe()]);
  const events = history.events ?? [];
  const steps = events.flatMap((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []);
  return { events, steps, bytes: described.historySize ?? 0 };
}

/** The state that a finished run handed over. */
export async function handedOver(client: Client, policy: string, runId: string): Promise<PolicyState> {
  const { events } = await historyOf(client, workflowId(policy), runId);
  const payloads = events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.input?.payloads;
  if (!payloads) throw new Error(`policy ${policy} handed no state over`);
  return decodeFromPayloadsAtIndex(client.options.loadedDataConverter, 0, payloads);
}
