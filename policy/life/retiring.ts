import type { Policy } from '../declared/policy.ts';
import { type Instant, later, msBetween } from '../time/instant.ts';
import type { Retirement } from './duty.ts';
import { owedOf } from './owed.ts';
import { heldBackUntil, provingPlaces } from './places.ts';
import { happened, recorded } from './record.ts';
import type { EndingMode, KeyRef, PolicyState, PublishedKey, RetiringKey } from './state.ts';
import { rotatesBySchedule } from './wanted.ts';

/** A key on its way out, with its grace from now on. */
export function retiring(key: KeyRef & Pick<PublishedKey, 'publishedAt'>, disableAt: Instant): RetiringKey {
  const { generation, hash, digest, publishedAt } = key;
  return { generation, hash, digest, withdrawn: false, publishedAt, disableAt, disabledAt: null, deleteAt: null };
}

export function changeRetiring(state: PolicyState, { hash }: KeyRef, change: Partial<RetiringKey>): PolicyState {
  return { ...state, retiring: state.retiring.map((old) => (old.hash === hash ? { ...old, ...change } : old)) };
}

/** How long the newest key of a deleted policy still works. */
export function endingGraceMs(policy: Policy | null, mode: EndingMode): number {
  return mode === 'retire' ? (policy?.graceMs ?? 0) : 0;
}

/** A scheduled run ends a grace that has no more than this to go; it waits for a longer one. */
const graceCutMs = 2 * 3_600_000;

/**
 * When a former key is disabled: at the end of its grace; at once where a request says so; and with the next scheduled
 * run if that comes less than two hours earlier, so that `every: 1` with `grace: 24h` keeps its time of day on every
 * day, the 23-hour one included, instead of starting later each day. An optional place that still holds it keeps it
 * working for as long as the policy says.
 */
export function graceEnd(state: PolicyState, key: RetiringKey, now: Instant): Instant {
  if (state.pending?.endGrace === true && msBetween(now, key.disableAt) > 0) return state.pending.askedAt;
  const own = ownGraceEnd(state, key);
  return later(own, heldBackUntil(state, key) ?? own);
}

function ownGraceEnd(state: PolicyState, key: RetiringKey): Instant {
  // No rotation waits for a withdrawn one.
  if (state.next === null || key.withdrawn || !rotatesBySchedule(state)) return key.disableAt;
  const early = msBetween(state.next.utc, key.disableAt);
  return early > 0 && early <= graceCutMs ? state.next.utc : key.disableAt;
}

/** Keys that some place has shown before their rotation was undone, in their grace. */
export function withdrawnKeys(state: PolicyState): RetiringKey[] {
  return state.retiring.filter((key) => key.withdrawn && key.disabledAt === null && !isStuck(state, key));
}

/**
 * One whose disabling is refused again and again because its successor does not work: only a fresh key cures that, so
 * no rotation waits for it. Five tries take a quarter of an hour (policy/time/backoff.ts). Sooner it may be a store that
 * shows an older value for a while, and a fresh key would be a third live one for nothing (I3).
 */
export function isStuck(state: PolicyState, { hash }: KeyRef): boolean {
  const owed = owedOf(state, 'disable', hash);
  return owed?.fault.code === 'KEYTURN_OLD_KEY_STILL_NEEDED' && owed.tries >= 5;
}

/** The state has to stay small (policy/life/bounds.ts): with more in quarantine than this, the oldest is deleted early. */
export const mostQuarantined = 20;
/** Deleting may be refused for as long as somebody does not mend what stops it. */
export const mostRetiring = mostQuarantined + 10;

/** It exists no longer. */
export function withoutKey(state: PolicyState, key: KeyRef, note: string, now: Instant): PolicyState {
  const retiring = state.retiring.filter((old) => old.hash !== key.hash);
  return recorded({ ...state, retiring }, happened('deleted', key, note, now));
}

/** What the steps that disable and delete it need to know. */
export function retirement(state: PolicyState, policy: Policy, key: KeyRef, now: Instant): Retirement {
  const { name, connection } = policy;
  const { current } = state;
  const successor = current && { ...keyRef(current), rotationId: current.rotationId, sealed: current.sealed };
  return { policy: name, connection, key: keyRef(key), successor, places: provingPlaces(state, policy, now) };
}

function keyRef({ generation, hash, digest }: KeyRef): KeyRef {
  return { generation, hash, digest };
}
