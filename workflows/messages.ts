import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Policy, Schedule } from '../policy/declared/policy.ts';
import type { EndingMode, Happening, LiveKey } from '../policy/life/state.ts';
import type { PolicyStatus } from '../policy/life/status.ts';
import type { Run } from '../policy/time/schedule.ts';

export const taskQueue = 'keyturn';

/**
 * Where the steps of a connection that ask OpenRouter with its management key wait for their turn. Temporal hands them out
 * at the connection's pace, over all workers (docs/architecture.md, "One pace").
 *
 * @param queue the policy's own task queue
 */
export function connectionQueue(queue: string, connection: string): string {
  return `${queue}-openrouter-${connection}`;
}

/** Of the builds of the workflow code: Temporal's "worker deployment", each build a version of it. */
export const deploymentName = 'keyturn';
export const workflowType = 'rotationPolicy';

export function workflowId(policyName: string): string {
  return `rotation-policy/${policyName}`;
}

/** `requestId`: the same one twice is one rotation. `endGrace`: do not wait for the former key's grace, end it. */
export type RotateRequest = { requestId: string; reason: string; endGrace?: boolean };

/** What a request gets at once. `rotationId` names the rotation to watch; `waitsUntil` is null where it starts now. */
export type Ticket = { rotationId: string; waitsUntil: string | null; because: string };

/** `rotationId`: the first key's rotation, where this apply made the policy. `changed`: the fields that differ. */
export type Applied = {
  created: boolean;
  changed: string[];
  rotationId: string | null;
  /** Live keys in OpenRouter that carry the policy's names and that it does not know, where they were looked for. */
  liveKeys: LiveKey[];
  /** What a person should know of the places, each a sentence. */
  warnings: string[];
};

/**
 * `lookForKeys`: a policy of this name was here before: look for live keys that it has left. `newKey`: make the first
 * key all the same.
 */
export type ApplyOptions = {
  lookForKeys?: boolean;
  newKey?: boolean;
  /** What becomes of the secret in places that the policy names no longer; default: it stays. */
  removed?: 'leave' | 'clean';
};

/** What `next` needs to list any number of runs: the schedule maths run where they are asked for. */
export type NextAnswer = { schedule: Schedule | null; next: Run | null };

export const rotateNow = defineSignal<[RotateRequest]>('rotateNow');
export const pause = defineSignal<[{ reason?: string }?]>('pause');
export const resume = defineSignal('resume');
/** Begin a new run with the same state: what Temporal keeps of the policy is written anew, with the active key. */
export const refresh = defineSignal('refresh');

export const applyPolicy = defineUpdate<Applied, [Policy, ApplyOptions]>('applyPolicy');
export const rotate = defineUpdate<Ticket, [RotateRequest]>('rotate');
export const endPolicy = defineUpdate<void, [{ mode: EndingMode }]>('endPolicy');

export const status = defineQuery<PolicyStatus>('status');
export const history = defineQuery<Happening[]>('history');
export const next = defineQuery<NextAnswer>('next');
