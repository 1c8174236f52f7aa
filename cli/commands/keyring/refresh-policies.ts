import { setTimeout as sleep } from 'node:timers/promises';
import { signal } from '../../../client/signal.ts';
import type { Temporal } from '../../../client/temporal.ts';
import type { Keyring } from '../../../codec/keyring.ts';
import { KeyturnError } from '../../../errors/keyturn-error.ts';
import * as messages from '../../../workflows/messages.ts';
import { fewAtOnce } from './few-at-once.ts';
import { whichNeed } from './policies-by-key.ts';

/**
 * How long is waited since a policy moved on last. Most rotations end by then, and a worker that died is replaced: a
 * restart takes seconds, being noticed 10 more.
 */
export const patienceMs = 30_000;

/** A new run begins well within a second; each look reads the history of every policy that is left. */
const lookEveryMs = 500;

type Refresh = {
  keyring: Keyring;
  /** The key that they should need no more. */
  keyId: string;
  policies: readonly string[];
  /** After each look, with the number of those that still need it. */
  onLook: (left: number) => void;
};

/**
 * Has policies begin a new run, which is encrypted with the active key, and waits until none of them needs `keyId`; or
 * none has moved on for `patienceMs`. Resolves with those that still need it: they move on when they can.
 */
export async function refreshPolicies(
  temporal: Temporal,
  { keyring, keyId, policies, onLook }: Refresh,
): Promise<string[]> {
  await fewAtOnce(policies, (policy) => refresh(temporal, policy));
  let left = policies;
  let movedAt = Date.now();
  for (;;) {
    const still = (await whichNeed(temporal, keyring, left)).get(keyId) ?? [];
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
    // It ended since it was found: it needs nothing any more.
    if (!(error instanceof KeyturnError && error.code === 'KEYTURN_POLICY_UNKNOWN')) throw error;
  }
}
