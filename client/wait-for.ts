import { setTimeout as sleep } from 'node:timers/promises';
import { fault, KeyturnError } from '../errors/keyturn-error.ts';
import type { RotationRecord, StepReport } from '../policy/life/state.ts';
import { isRotation, type PolicyStatus } from '../policy/life/status.ts';
import * as messages from '../workflows/messages.ts';
import { query } from './ask.ts';
import { policyStatus } from './policy-status.ts';
import type { Temporal } from './temporal.ts';

/** How a rotation stands. `until` is null where nothing says when it starts. */
export type RotationProgress =
  | { state: 'waiting'; until: string | null; because: string; steps: StepReport[] }
  | { state: 'running'; attempt: number; steps: StepReport[] }
  | { state: 'ended'; record: RotationRecord; steps: StepReport[] };

/** A worker that died is replaced by then, or somebody has to look: a restart takes seconds, being noticed 10 more. */
const patienceMs = 60_000;

/** Fast enough to follow by eye, and 7 small questions a second to one worker, and as many to Temporal. */
const pollMs = 150;

/**
 * How the rotation stands, again after each change, until it has ended: published or undone.
 *
 * @throws KEYTURN_ROTATION_UNKNOWN, KEYTURN_POLICY_ENDING, and what every question to a policy throws
 */
export async function* waitFor(
  temporal: Temporal,
  policy: string,
  rotationId: string,
  signal?: AbortSignal,
): AsyncGenerator<RotationProgress, void, void> {
  let shown = '';
  let answeredAt = Date.now();
  for (;;) {
    signal?.throwIfAborted();
    const progress = await progressOf(temporal, policy, rotationId).catch((error: unknown) => {
      if (!isPassing(error) || Date.now() - answeredAt > patienceMs) throw error;
      return noAnswer;
    });
    if (progress !== noAnswer) answeredAt = Date.now();
    const now = JSON.stringify(progress);
    if (now !== shown) yield progress;
    if (progress.state === 'ended') return;
    shown = now;
    await sleep(pollMs, undefined, signal && { signal });
  }
}

/** A worker that dies in the middle loses nothing: the rotation goes on with the next one. */
const noAnswer: RotationProgress = { state: 'waiting', until: null, because: 'no worker answers', steps: [] };

function isPassing(error: unknown): boolean {
  if (!(error instanceof KeyturnError)) return false;
  // Also what Temporal says for a moment after its own restart.
  return ['KEYTURN_WORKER_SILENT', 'KEYTURN_NO_WORKER', 'KEYTURN_TEMPORAL_UNREACHABLE'].includes(error.code);
}

async function progressOf(temporal: Temporal, policy: string, rotationId: string): Promise<RotationProgress> {
  const status = await policyStatus(temporal, policy);
  const here = progressIn(status, rotationId);
  if (here !== null) return here;
  // Another rotation has begun or ended since.
  const happenings = await query(temporal, policy, messages.history);
  const record = happenings.filter(isRotation).find((one) => one.rotationId === rotationId);
  if (record !== undefined) return { state: 'ended', record, steps: [] };
  throw status.state === 'ending'
    ? fault('KEYTURN_POLICY_ENDING', policy)
    : fault('KEYTURN_ROTATION_UNKNOWN', policy, rotationId);
}

function progressIn(status: PolicyStatus, rotationId: string): RotationProgress | null {
  const { running, last, pending, lastSteps, nextRotation } = status;
  if (running?.rotationId === rotationId) return { state: 'running', attempt: running.attempt, steps: running.steps };
  if (last?.rotationId === rotationId) return { state: 'ended', record: last, steps: lastSteps };
  if (pending?.rotationId !== rotationId) return null;
  const following = { until: null, because: 'a rotation is under way; this one follows it' };
  const { at: until, because } = nextRotation ?? { at: pending.notBefore, because: 'its turn' };
  return { state: 'waiting', ...(running === null ? { until, because } : following), steps: [] };
}
