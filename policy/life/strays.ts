import { type Instant, plus } from '../time/instant.ts';
import { isStuck, withdrawnKeys } from './retiring.ts';
import type { PolicyState, Stray } from './state.ts';

const minute = 60_000;

/** When a stray is looked for after its rotation: a late request may still arrive (facts §10). */
const lookAfterMs = [10 * minute, 60 * minute, 24 * 60 * minute];

/**
 * How many keys may live, or turn up, beside the current one: strays, of which nobody can say whether they will arrive,
 * and withdrawn keys in their grace. With the key in use they make three live ones at most (I3).
 */
export const mostBesides = 2;

export function strayOf(marker: string, now: Instant): Stray {
  return { marker, lookAt: lookAfterMs.map((ms) => plus(now, ms)) };
}

/** How many POSTs a rotation that begins now may send, one at least: each may make a key whose answer is lost. */
export function createsLeft(state: PolicyState): number {
  const stuck = state.retiring.filter((key) => key.disabledAt === null && isStuck(state, key));
  return Math.max(1, mostBesides - inDoubt(state).length - withdrawnKeys(state).length - stuck.length);
}

/** Strays whose first look after their rotation is still to come: what has not arrived by then hardly ever does. */
export function inDoubt({ strays }: PolicyState): Stray[] {
  return strays.filter(({ lookAt }) => lookAt.length === lookAfterMs.length);
}
