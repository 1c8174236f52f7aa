import { type Instant, plus } from '../time/instant.ts';
import type { PolicyState, RetiringKey, WatchedMarker } from './state.ts';

const minute = 60_000;

/** When a marker is looked for again after its rotation: a late request may still arrive (facts §10). */
const sweepAfterMs = [10 * minute, 60 * minute, 24 * 60 * minute];

/**
 * How many keys may live, or turn up, beside the current one: creates in doubt, of which nobody can say whether their
 * keys will arrive, and withdrawn keys in their grace. With the key in use they make three live ones at most (I3).
 */
export const mostBesides = 2;

export function watched(marker: string, now: Instant): WatchedMarker {
  return { marker, sweepAt: sweepAfterMs.map((ms) => plus(now, ms)) };
}

/** How many POSTs a rotation that begins now may send, one at least: each may make a key whose answer is lost. */
export function createsLeft(state: PolicyState): number {
  const besides = state.retiring.filter((key) => key.disabledAt === null && (key.withdrawn || isStuck(key)));
  return Math.max(1, mostBesides - inDoubt(state).length - besides.length);
}

/** Markers whose first look after their rotation is still to come: what has not arrived by then hardly ever does. */
export function inDoubt({ watch }: PolicyState): WatchedMarker[] {
  return watch.filter(({ sweepAt }) => sweepAt.length === sweepAfterMs.length);
}

/** Keys that some store has shown before their rotation was undone, in their grace. */
export function withdrawnKeys({ retiring }: PolicyState): RetiringKey[] {
  return retiring.filter((key) => key.withdrawn && key.disabledAt === null && !isStuck(key));
}

/**
 * One whose disabling is refused again and again because its successor does not work: only a fresh key cures that, so
 * no rotation waits for it. Five tries take a quarter of an hour (policy/time/backoff.ts). Sooner it may be a store that
 * shows an older value for a while, and a fresh key would be a third live one for nothing (I3).
 */
export function isStuck({ blocked }: RetiringKey): boolean {
  return blocked?.code === 'KEYTURN_OLD_KEY_STILL_NEEDED' && blocked.tries >= 5;
}
