import { changedFields } from '../declared/changes.ts';
import type { Policy } from '../declared/policy.ts';
import { backoffMs } from '../time/backoff.ts';
import { type Instant, isDue, plus } from '../time/instant.ts';
import { remembered } from './bounds.ts';
import { isWanted, nextRotation, rotatesBySchedule } from './lifecycle.ts';
import type {
  Blocked,
  EndingMode,
  FaultNote,
  Happening,
  KeyRef,
  PendingRotation,
  PlaceVerdict,
  PolicyState,
  PublishedKey,
  RetiringKey,
  RotationReason,
  RotationRecord,
  StepReport,
  WatchedMarker,
} from './state.ts';
import { watched } from './watch.ts';

export type RotationResult = {
  rotationId: string;
  reason: RotationReason;
  attempt: number;
  startedAt: Instant;
  steps: StepReport[];
  /** Markers whose key was not found but may still turn up. */
  lostMarkers: string[];
} & (
  | { kind: 'published'; key: KeyRef & { sealed: string; places: PlaceVerdict[] }; fault: FaultNote | null }
  /** `withdrawn`: its key, where a store has shown it. */
  | { kind: 'undone'; fault: FaultNote; withdrawn: KeyRef | null }
);

const requestRingLength = 100;
const mostDropped = 10;

/**
 * A saved policy takes effect with the next rotation; saving it never rotates by itself, but for the first key, and
 * never loses a run that is due already. One that changes nothing changes nothing here either.
 */
export function afterApply(state: PolicyState, policy: Policy, now: Instant, rotationId: string): PolicyState {
  const { policy: held } = state;
  if (held === null) {
    const pending = firstAttempt(rotationId, { kind: 'first' }, now);
    const created = { ...state, policy, appliedAt: now, anchor: state.anchor ?? { at: now }, pending };
    return recorded(created, { event: 'applied', at: now, note: 'created' });
  }
  const changed = changedFields(held, policy);
  if (changed.length === 0) return state;
  const isReplanned = changed.some((field) => field === 'autoRotate' || field.startsWith('schedule.'));
  const applied: PolicyState = {
    ...state,
    policy,
    appliedAt: now,
    ...(isReplanned ? replanned(state, now, rotationId) : {}),
  };
  return recorded(applied, { event: 'applied', at: now, note: `updated ${changed.join(', ')}`.slice(0, 200) });
}

/** The run that is due by the schedule from before takes place; the new one counts from it. */
function replanned(state: PolicyState, now: Instant, rotationId: string): Partial<PolicyState> {
  const { next, pending } = state;
  const isLost = pending === null && next !== null && isDue(next.utc, now) && rotatesBySchedule(state);
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
  const pending = waiting === null ? asked : { ...waiting, notBefore: now };
  return {
    ...state,
    pending: { ...pending, endGrace: pending.endGrace || request.endGrace },
    requests: [...state.requests, { requestId: request.requestId, rotationId: pending.rotationId }].slice(
      -requestRingLength,
    ),
  };
}

/** From here on the rotation is under way; what is asked for now comes after it. */
export function afterStart(state: PolicyState): PolicyState {
  return { ...state, pending: null };
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

export function afterRotation(state: PolicyState, policy: Policy, result: RotationResult, now: Instant): PolicyState {
  const base = {
    ...state,
    lastSteps: result.steps,
    watch: [...state.watch, ...result.lostMarkers.map((marker) => watched(marker, now))],
  };
  return result.kind === 'published'
    ? afterPublished(base, policy, result, now)
    : afterUndone(base, policy, result, now);
}

function afterPublished(
  state: PolicyState,
  policy: Policy,
  result: RotationResult & { kind: 'published' },
  now: Instant,
): PolicyState {
  const { key, reason, rotationId, fault } = result;
  const fresh = { ...key, rotationId, publishedAt: now };
  const former = state.current === null ? [] : [retiring(state.current, plus(now, policy.graceMs))];
  // The policy may have been deleted while the rotation was under way: then the fresh key goes like the others.
  const mode = state.ending?.mode ?? 'detach';
  const leaves = mode !== 'detach';
  const leaving = leaves ? [retiring(fresh, plus(now, endingGraceMs(state, mode)))] : [];
  const published: PolicyState = {
    ...state,
    current: leaves ? null : fresh,
    retiring: [...state.retiring.map((old) => judgedAnew(old, plus(now, policy.graceMs))), ...former, ...leaving],
    newestGeneration: key.generation,
    next: null,
    anchor: anchorAfter(state, reason, result.startedAt),
  };
  return concluded(published, { ...record(result, now), generation: key.generation, fault, nextAttemptAt: null });
}

/**
 * Whatever kept an older key from being revoked is judged anew beside the fresh one. Where that was a store, which may
 * have shown the old key until now, its readers get a grace from now on (I9).
 */
function judgedAnew(old: RetiringKey, disableAt: Instant): RetiringKey {
  const wasShown = old.disabledAt === null && old.blocked?.code === 'KEYTURN_OLD_KEY_STILL_NEEDED';
  return { ...old, blocked: null, ...(wasShown ? { withdrawn: true, disableAt } : {}) };
}

/** However late it ran, a scheduled rotation is for its date, one on demand for its own, the first for the creation's. */
function anchorAfter(state: PolicyState, reason: RotationReason, startedAt: Instant): PolicyState['anchor'] {
  if (reason.kind === 'scheduled') return { date: reason.date };
  return reason.kind === 'requested' ? { at: startedAt } : state.anchor;
}

function afterUndone(
  before: PolicyState,
  policy: Policy,
  result: RotationResult & { kind: 'undone' },
  now: Instant,
): PolicyState {
  const state = result.withdrawn === null ? before : afterWithdrawal(before, policy, result.withdrawn, now);
  const notBefore = plus(now, Math.max(backoffMs(state.name, result.attempt), result.fault.retryAfterMs ?? 0));
  const retry: PendingRotation = {
    rotationId: `${result.rotationId.replace(/\.\d+$/, '')}.${result.attempt + 1}`,
    reason: result.reason,
    attempt: result.attempt + 1,
    notBefore,
    endGrace: false,
  };
  const pending = state.ending === null ? (state.pending ?? retry) : null;
  const wanted = pending !== null && isWanted(state, pending.reason);
  const nextAttemptAt = wanted ? (nextRotation({ ...state, pending }, now)?.at ?? null) : null;
  return concluded(
    { ...state, pending },
    { ...record(result, now), generation: null, fault: result.fault, nextAttemptAt },
  );
}

/** Somebody may have read it while a store showed it, so it works on for a grace, like a former one (I9). */
function afterWithdrawal(state: PolicyState, policy: Policy, key: KeyRef, now: Instant): PolicyState {
  const graceMs =
    state.ending === null || state.ending.mode === 'detach' ? policy.graceMs : endingGraceMs(state, state.ending.mode);
  const withdrawn = { ...retiring({ ...key, publishedAt: now }, plus(now, graceMs)), withdrawn: true };
  return { ...state, retiring: [...state.retiring, withdrawn], newestGeneration: key.generation };
}

function record(result: RotationResult, at: Instant) {
  const { kind, rotationId, reason, attempt, startedAt, steps } = result;
  return { event: kind, at, rotationId, reason, attempt, startedAt, steps: steps.length };
}

export function afterDisabled(state: PolicyState, key: KeyRef, quarantineMs: number, note: string, now: Instant) {
  const disabled = { disabledAt: now, deleteAt: plus(now, quarantineMs), blocked: null };
  return recorded(changeRetiring(state, key, disabled), happened('disabled', key, note, now));
}

export function afterDeleted(state: PolicyState, key: KeyRef, note: string, now: Instant): PolicyState {
  const retiring = state.retiring.filter((old) => old.hash !== key.hash);
  return recorded({ ...state, retiring }, happened('deleted', key, note, now));
}

/** Disabling or deleting did not succeed: it is tried again, for ever, and shown. */
export function afterRetirementBlocked(state: PolicyState, key: RetiringKey, fault: FaultNote, now: Instant) {
  return changeRetiring(state, key, { blocked: blocked(state, key.blocked, fault, now) });
}

/** One look is done: the marker is dropped after its last look, or when its key was found and removed. */
export function afterSweep(state: PolicyState, swept: WatchedMarker, found: boolean, now: Instant): PolicyState {
  const sweepAt = swept.sweepAt.slice(1);
  const gone = found || sweepAt.length === 0;
  const watch = gone
    ? state.watch.filter(({ marker }) => marker !== swept.marker)
    : state.watch.map((one) => (one.marker === swept.marker ? { ...one, sweepAt } : one));
  const next = { ...state, watch };
  return found ? recorded(next, { event: 'reaped', at: now, marker: swept.marker }) : next;
}

export function afterSweepFailed(state: PolicyState, swept: WatchedMarker, now: Instant): PolicyState {
  const sweepAt = [plus(now, backoffMs(state.name, 3)), ...swept.sweepAt.slice(1)];
  return { ...state, watch: state.watch.map((one) => (one.marker === swept.marker ? { ...one, sweepAt } : one)) };
}

/**
 * Its workflow was cancelled, in the Web UI for instance: nothing more is done, whatever had begun, a deletion included.
 * What is left behind is in the workflow's result.
 */
export function afterCancel(state: PolicyState, now: Instant): PolicyState {
  if (state.ending?.mode === 'detach') return state;
  const ending = { mode: 'detach', clearedAt: state.ending?.clearedAt ?? null, blocked: null } as const;
  return recorded({ ...state, ending, pending: null }, { event: 'ending', at: now, note: 'detach: it was cancelled' });
}

/** A message that was not understood: logged, dropped, and recorded where it is the first of its kind. */
export function afterDropped(state: PolicyState, message: string, why: string, now: Instant): PolicyState {
  if (state.dropped.some((one) => one.message === message) || state.dropped.length >= mostDropped) return state;
  return { ...state, dropped: [...state.dropped, { message, why, at: now }] };
}

export function afterEnding(state: PolicyState, mode: EndingMode, now: Instant): PolicyState {
  const current = state.current === null ? [] : [retiring(state.current, plus(now, endingGraceMs(state, mode)))];
  const keys = [...state.retiring, ...current].map((key) =>
    mode === 'destroy' ? { ...key, disableAt: now, deleteAt: key.deleteAt === null ? null : now, blocked: null } : key,
  );
  const ending = { mode, clearedAt: null, blocked: null };
  const ended: PolicyState =
    mode === 'detach'
      ? { ...state, ending, pending: null }
      : { ...state, ending, pending: null, current: null, retiring: keys };
  return recorded(ended, { event: 'ending', at: now, note: mode });
}

/** How long the newest key of a deleted policy still works. */
function endingGraceMs(state: PolicyState, mode: EndingMode): number {
  return mode === 'retire' ? (state.policy?.graceMs ?? 0) : 0;
}

export function afterStoresCleared(state: PolicyState, now: Instant): PolicyState {
  return state.ending === null ? state : { ...state, ending: { ...state.ending, clearedAt: now, blocked: null } };
}

export function afterClearingBlocked(state: PolicyState, fault: FaultNote, now: Instant): PolicyState {
  if (state.ending === null) return state;
  return { ...state, ending: { ...state.ending, blocked: blocked(state, state.ending.blocked, fault, now) } };
}

function firstAttempt(rotationId: string, reason: RotationReason, now: Instant): PendingRotation {
  return { rotationId, reason, attempt: 1, notBefore: now, endGrace: false };
}

function retiring(key: KeyRef & Pick<PublishedKey, 'publishedAt'>, disableAt: Instant): RetiringKey {
  const { generation, hash, digest, publishedAt } = key;
  const ahead = { disableAt, disabledAt: null, deleteAt: null, blocked: null };
  return { generation, hash, digest, withdrawn: false, publishedAt, ...ahead };
}

function changeRetiring(state: PolicyState, key: KeyRef, change: Partial<RetiringKey>): PolicyState {
  return { ...state, retiring: state.retiring.map((old) => (old.hash === key.hash ? { ...old, ...change } : old)) };
}

function blocked(state: PolicyState, before: Blocked | null, fault: FaultNote, now: Instant): Blocked {
  const tries = (before?.tries ?? 0) + 1;
  return { ...fault, tries, retryAt: plus(now, backoffMs(state.name, tries)) };
}

function happened(event: 'disabled' | 'deleted', key: KeyRef, note: string, at: Instant): Happening {
  return { event, at, generation: key.generation, hash: key.hash, note };
}

function concluded(state: PolicyState, rotation: RotationRecord): PolicyState {
  return recorded({ ...state, lastRotations: { ...state.lastRotations, [rotation.event]: rotation } }, rotation);
}

function recorded(state: PolicyState, happening: Happening): PolicyState {
  return { ...state, history: remembered([...state.history, happening]) };
}
