import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, WithStartWorkflowOperation, WorkflowContinuedAsNewError } from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import { decodeFromPayloadsAtIndex } from '@temporalio/common/lib/internal-non-workflow/index.js';
import proto from '@temporalio/proto';
import { type Policy, policyVersion } from '../policy/declared/policy.ts';
import { newPolicyState, type PolicyState } from '../policy/life/state.ts';
import { applyPolicy, refresh, status, workflowId, workflowType } from '../workflows/messages.ts';
import { searchAttributes } from '../workflows/search-attributes.ts';

type HistoryEvent = proto.temporal.api.history.v1.IHistoryEvent;
const { HistoryEvent } = proto.temporal.api.history.v1;

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
    secret: {
      name: `KEY_OF_${name}`,
      places: [{ store: 'local', name: `KEY_OF_${name}`, field: null, required: true }],
      optionalWaitMs: 7 * 24 * 3_600_000,
    },
    graceMs: 24 * 3_600_000,
    quarantineMs: 7 * 24 * 3_600_000,
    ...changes,
  };
}

/** Creates a policy by update-with-start. */
export async function startPolicy(client: Client, taskQueue: string, policy: Policy): Promise<void> {
  const startWorkflowOperation = new WithStartWorkflowOperation<Workflow>(workflowType, {
    workflowId: workflowId(policy.name),
    taskQueue,
    args: [newPolicyState(policy.name)],
    workflowIdConflictPolicy: 'FAIL',
    typedSearchAttributes: [
      { key: searchAttributes.state, value: 'rotating' },
      { key: searchAttributes.connection, value: policy.connection },
    ],
  });
  const update = await client.workflow.startUpdateWithStart(applyPolicy, {
    startWorkflowOperation,
    args: [policy, {}],
    waitForStage: 'ACCEPTED',
  });
  await update.result();
}

/** Waits until the policy sleeps, with nothing under way. */
export async function asleep(client: Client, policy: string): Promise<void> {
  const handle = client.workflow.getHandle(workflowId(policy));
  for (;;) {
    const { running, pending, next } = await handle.query(status);
    if (running === null && pending === null && next !== null) return;
    await sleep(20);
  }
}

/** Has a policy that sleeps hand over to a new run. Answers the state that it handed over. */
export async function handedOver(client: Client, policy: string): Promise<PolicyState> {
  await asleep(client, policy);
  const handle = client.workflow.getHandle(workflowId(policy));
  const { runId } = await handle.describe();
  await handle.signal(refresh);
  const run = client.workflow.getHandle(workflowId(policy), runId, { followRuns: false });
  await run.result().catch((error) => {
    if (!(error instanceof WorkflowContinuedAsNewError)) throw error;
  });
  const { events } = await run.fetchHistory();
  const payloads = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.input?.payloads;
  if (!payloads) throw new Error(`policy ${policy} handed no state over`);
  return decodeFromPayloadsAtIndex(client.options.loadedDataConverter, 0, payloads);
}

/** A run's events and the names of its activities in their order. */
export async function historyOf(client: Client, id: string): Promise<History> {
  const { events } = await client.workflow.getHandle(id).fetchHistory();
  return history(events ?? []);
}

export type History = { events: HistoryEvent[]; steps: string[]; bytes: number };

export function history(events: HistoryEvent[]): History {
  const steps = events.flatMap((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []);
  const bytes = events.reduce((total, event) => total + HistoryEvent.encode(event).finish().length, 0);
  return { events, steps, bytes };
}
