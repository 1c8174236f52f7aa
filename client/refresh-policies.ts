import { setTimeout as sleep } from 'node:timers/promises';
import { KeyturnError } from '../errors/keyturn-error.ts';
import * as messages from '../workflows/messages.ts';
import { fewAtOnce } from './few-at-once.ts';
import { signal } from './signal.ts';
import type { Temporal } from './temporal.ts';

/**
 * How long is waited since a policy moved on last. Most rotations end by then, and a worker that died is replaced: a
 * restart takes seconds, being noticed 10 more.
 */
export const patienceMs = 30_000;

/** A new run begins well within a second; a look asks Temporal about every policy that is left. */
const lookEveryMs = 500;

type Refresh = {
  policies: readonly string[];
  /** Which of these have not moved on yet. */
  stillOf: (policies: readonly string[]) => Promise<string[]>;
  /** After each look, with the number of those that have not. */
  onLook: (left: number) => void;
};

/**
 * Has policies begin a new run, a few at a time, and waits until all have moved on; or none has for `patienceMs`. Resolves
 * with those that have not: they do when they can.
 */
export async function refreshPolicies(temporal: Temporal, { policies, stillOf, onLook }: Refresh): Promise<string[]> {
  await fewAtOnce(policies, (policy) => refresh(temporal, policy));
  let left = policies;
  let movedAt = Date.now();
  for (;;) {
    const still = await stillOf(left);
    if (still.length < left.length) movedAt = Date.now();
    onLook(still.length);
    if (still.length === 0 || Date.now() - movedAt >= patienceMs) return still;
    left = still;
    await sleep(lookEveryMs);
  }
}

async function refresh(temporal: Temporal, policy: string): Promise<void> {
  try {
    await signal(temporal, policy, messages.refresh);
  } catch (error) {
    // It ended since it was found: there is nothing left of it to move on.
    if (!(error instanceof KeyturnError && error.code === 'KEYTURN_POLICY_UNKNOWN')) throw error;
  }
}
