import { changedFields } from '../declared/changes.ts';
import { isSamePlace, type PlaceRef, placeRef } from '../declared/place.ts';
import type { Policy } from '../declared/policy.ts';
import { type Instant, isDue, plus } from '../time/instant.ts';
import { owedOf, settled } from './owed.ts';
import { newPlace, placesOf } from './places.ts';
import { recorded } from './record.ts';
import { endingGraceMs, retiring } from './retiring.ts';
import type { EndingMode, PendingRotation, Plan, PolicyState, RotationReason } from './state.ts';
import { isWanted, rotatesBySchedule } from './wanted.ts';

const requestRingLength = 100;
const mostDropped = 10;

/**
 * A saved policy takes effect with the next rotation; saving it never rotates by itself, but for the first key, and
 * never loses a run that is due already. One that changes nothing changes nothing here either.
 *
 * A place that it names no longer keeps what it holds, unless `removed` says otherwise.
 */
export function afterApply(
  state: PolicyState,
  policy: Policy,
  now: Instant,
  rotationId: string,
  { underWay = null, plan = null, removed = 'leave' }: Applying = {},
): PolicyState {
  const { policy: held } = state;
  if (held === null) {
    const pending = firstAttempt(rotationId, { kind: 'first' }, now);
    const planned = plan === null ? { anchor: { at: now } } : { anchor: { date: plan.anchorDate }, next: plan.run };
    const places = policy.secret.places.map((place) => newPlace(place, null));
    const created = { ...state, policy, places, appliedAt: now, ...planned, pending };
    return recorded(created, { event: 'applied', at: now, note: 'created' });
  }
  const changed = changedFields(held, policy);
  if (changed.length === 0) return state;
  const isReplanned = changed.some((field) => field === 'autoRotate' || field.startsWith('schedule.'));
  const applied: PolicyState = {
    ...state,
    policy,
    appliedAt: now,
    places: placesOf(state, policy, now),
    leaving: leavingAfter(state, policy, removed),
    ...(isReplanned ? replanned(state, now, rotationId, underWay) : {}),
  };
  return recorded(applied, { event: 'applied', at: now, note: `updated ${changed.join(', ')}`.slice(0, 200) });
}

/** `underWay`: why a rotation is under way, if one is. `plan`: the first scheduled run of a new policy, where it is known. */
export type Applying = {
  underWay?: RotationReason | null;
  plan?: Plan | null;
  /** What becomes of the secret in places that the policy names no longer. */
  removed?: 'leave' | 'clean';
};

function leavingAfter(state: PolicyState, { secret }: Policy, removed: 'leave' | 'clean'): PolicyState['leaving'] {
  const dropped = state.places.map((place) => ({ ...placeRef(place), clean: removed === 'clean' }));
  const isNamed = (place: PlaceRef) => secret.places.some((one) => isSamePlace(one, place));
  const isLeaving = (place: PlaceRef) => state.leaving.some((one) => isSamePlace(one, place));
  return [...state.leaving, ...dropped.filter((place) => !isLeaving(place))].filter((place) => !isNamed(place));
}

/** The run that is due by the schedule from before takes place; the new one counts from it. */
function replanned(
  state: PolicyState,
  now: Instant,
  rotationId: string,
  underWay: RotationReason | null,
): Partial<PolicyState> {
  const { next, pending } = state;
  const isUnderWay = underWay?.kind === 'scheduled' && underWay.date === next?.date;
  const isLost = pending === null && !isUnderWay && next !== null && isDue(next.utc, now) && rotatesBySchedule(state);
  if (!isLost) return { next: null };
  return { next: null, pending: firstAttempt(rotationId, { kind: 'scheduled', date: next.date }, now) };
}

/**
 * The rotation a request gets: the one that waits already, or a new one. One that is under way is not joined: it may
 * have made its key before the reason to ask came up.
 */
export function afterRequest(
  state: PolicyState,
  request: { requestId: string; rotationId: string; reason: string; endGrace: boolean },
  now: Instant,
): PolicyState {
  if (state.requests.some((seen) => seen.requestId === request.requestId)) return state;
  const waiting = state.pending !== null && isWanted(state, state.pending.reason) ? state.pending : null;
  const asked = firstAttempt(request.rotationId, { kind: 'requested', text: request.reason }, now);
  const pending = waiting === null ? asked : { ...waiting, askedAt: now };
  return {
    ...(waiting === null ? settled(state, 'rotate') : hastened(state, now)),
    pending: { ...pending, endGrace: pending.endGrace || request.endGrace },
    requests: [...state.requests, { requestId: request.requestId, rotationId: pending.rotationId }].slice(
      -requestRingLength,
    ),
  };
}

/** A further try waits no longer. */
function hastened(state: PolicyState, now: Instant): PolicyState {
  const owed = owedOf(state, 'rotate');
  if (owed === null) return state;
  return { ...state, owed: state.owed.map((one) => (one === owed ? { ...one, retryAt: now } : one)) };
}

export function afterPause(state: PolicyState, reason: string | null, now: Instant): PolicyState {
  if (state.paused !== null) return state;
  return recorded({ ...state, paused: { at: now, reason } }, { event: 'paused', at: now, note: reason ?? '' });
}

/** A run that the pause stopped is not made up for: the next one is the first after the resume. */
export function afterResume(state: PolicyState, now: Instant): PolicyState {
  if (state.paused === null) return state;
  return recorded({ ...state, paused: null, next: null }, { event: 'resumed', at: now, note: '' });
}

/**
 * Its workflow was cancelled, in the Web UI for instance: nothing more is done, whatever had begun, a deletion included.
 * What is left behind is in the workflow's result.
 */
export function afterCancel(state: PolicyState, now: Instant): PolicyState {
  if (state.ending?.mode === 'detach') return state;
  const ending = { mode: 'detach', clearedAt: state.ending?.clearedAt ?? null } as const;
  return recorded(
    { ...settled(state, 'rotate'), ending, pending: null },
    { event: 'ending', at: now, note: 'detach: it was cancelled' },
  );
}

/** A message that was not understood: logged, dropped, and recorded where it is the first of its kind. */
export function afterDropped(state: PolicyState, message: string, why: string, now: Instant): PolicyState {
  if (state.dropped.some((one) => one.message === message) || state.dropped.length >= mostDropped) return state;
  return { ...state, dropped: [...state.dropped, { message, why, at: now }] };
}

export function afterEnding(state: PolicyState, mode: EndingMode, now: Instant): PolicyState {
  const ending = { mode, clearedAt: null };
  const ended = { ...settled(state, 'rotate'), ending, pending: null };
  const noted = { event: 'ending', at: now, note: mode } as const;
  if (mode === 'detach') return recorded(ended, noted);
  const leaving = state.current === null ? [] : [retiring(state.current, plus(now, endingGraceMs(state.policy, mode)))];
  const keys = [...state.retiring, ...leaving];
  if (mode === 'retire') return recorded({ ...ended, current: null, retiring: keys }, noted);
  const atOnce = keys.map((key) => ({ ...key, disableAt: now, deleteAt: key.deleteAt === null ? null : now }));
  return recorded({ ...ended, current: null, retiring: atOnce, owed: [] }, noted);
}

function firstAttempt(rotationId: string, reason: RotationReason, now: Instant): PendingRotation {
  return { rotationId, reason, askedAt: now, endGrace: false };
}
