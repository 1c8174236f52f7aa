import { isSamePlace, type Place, type PlaceRef, placeRef } from '../declared/place.ts';
import type { Policy } from '../declared/policy.ts';
import { type Instant, later, msBetween, plus } from '../time/instant.ts';
import type { Held, Left } from './rotation.ts';
import type { KeyRef, PlaceState, PolicyState, RetiringKey } from './state.ts';

/** Nothing is known of it yet. */
export function newPlace(place: PlaceRef, lacksSince: Instant | null): PlaceState {
  return { ...placeRef(place), holds: null, lacksSince, approval: null, changed: null };
}

/** The places of the policy as it is now, with what was known of them; a new one lacks the current key. */
export function placesOf(state: PolicyState, policy: Policy, now: Instant): PlaceState[] {
  return policy.secret.places.map(
    (place) =>
      state.places.find((known) => isSamePlace(known, place)) ?? newPlace(place, state.current === null ? null : now),
  );
}

export function changePlace(state: PolicyState, place: PlaceRef, change: Partial<PlaceState>): PolicyState {
  const places = state.places.map((known) => (isSamePlace(known, place) ? { ...known, ...change } : known));
  return { ...state, places };
}

/** It holds the key, as was seen just now. */
export function nowHolds(state: PolicyState, { place, ...hold }: Held, { generation, digest }: KeyRef): PolicyState {
  const holds = { generation, digest, ...hold };
  return changePlace(state, place, { holds, lacksSince: null, approval: null, changed: null });
}

/** After a publish: those that were not part of it lack the new key from now on. */
export function allLack(state: PolicyState, now: Instant): PolicyState {
  const places = state.places.map((place) => ({ ...place, lacksSince: place.lacksSince ?? now }));
  return { ...state, places };
}

/** An undo met somebody else's value there. */
export function afterLeft(state: PolicyState, left: readonly Left[]): PolicyState {
  return left.reduce((before, { place, why: { retryAfterMs: _, ...changed } }) => {
    return changePlace(before, place, { holds: null, changed });
  }, state);
}

/** Places without the current key, which is to be brought to them. What somebody else has written stays. */
export function lacking(state: PolicyState): { place: Place; known: PlaceState }[] {
  const { policy, current, ending, undoing } = state;
  if (policy === null || current === null || current.sealed === null || ending !== null || undoing !== null) return [];
  return policy.secret.places.flatMap((place) => {
    const known = state.places.find((one) => isSamePlace(one, place));
    if (known === undefined || known.changed !== null || known.holds?.digest === current.digest) return [];
    return [{ place, known }];
  });
}

/** Whether it is over how long an optional place holds back the revocation of the key that it still holds. */
export function isOverdue({ lacksSince }: PlaceState, policy: Policy, now: Instant): boolean {
  return lacksSince !== null && msBetween(plus(lacksSince, policy.secret.optionalWaitMs), now) >= 0;
}

/** Until when optional places hold back the revocation of a key: they still hold it. null: none does. */
export function heldBackUntil(state: PolicyState, { digest }: RetiringKey): Instant | null {
  const { policy } = state;
  if (policy === null || state.ending !== null) return null;
  const ends = policy.secret.places.flatMap((place) => {
    const known = place.required ? undefined : state.places.find((one) => isSamePlace(one, place));
    if (known?.holds?.digest !== digest || known.lacksSince === null) return [];
    return [plus(known.lacksSince, policy.secret.optionalWaitMs)];
  });
  return ends.reduce<Instant | null>((latest, end) => (latest === null ? end : later(latest, end)), null);
}

/** Those that the proof of a revocation asks: the required ones, and optional ones for as long as they hold it back. */
export function provingPlaces(state: PolicyState, policy: Policy, now: Instant): Place[] {
  return policy.secret.places.filter((place) => {
    const known = state.places.find((one) => isSamePlace(one, place));
    return place.required || known === undefined || (known.holds !== null && !isOverdue(known, policy, now));
  });
}

/** Digests of every key of the policy: what a place may hold that is ours. */
export function ourDigests({ current, retiring, undoing }: PolicyState): string[] {
  const keys: (KeyRef | null)[] = [current, ...retiring, undoing?.key ?? null];
  return keys.flatMap((key) => (key === null ? [] : [key.digest]));
}
