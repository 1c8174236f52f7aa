import { type Instant, plus } from './instant.ts';
import type { PolicyState, WatchedMarker } from './state.ts';

const minute = 60_000;

/** When a marker is looked for again after its rotation: a late request may still arrive (facts §10). */
const sweepAfterMs = [10 * minute, 60 * minute, 24 * 60 * minute];

/**
 * How many creates a policy may have in doubt at a time, of which nobody can say whether their keys will turn up. With
 * the key in use they make three live ones at most (I3).
 */
export const mostInDoubt = 2;

export function watched(marker: string, now: Instant): WatchedMarker {
  return { marker, sweepAt: sweepAfterMs.map((ms) => plus(now, ms)) };
}

/** How many POSTs a rotation that begins now may send: each may make a key whose answer is lost. */
export function createsLeft(state: PolicyState): number {
  return mostInDoubt - inDoubt(state).length;
}

/** Markers whose first look after their rotation is still to come: what has not arrived by then hardly ever does. */
export function inDoubt({ watch }: PolicyState): WatchedMarker[] {
  return watch.filter(({ sweepAt }) => sweepAt.length === sweepAfterMs.length);
}
