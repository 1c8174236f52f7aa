import { type Instant, isDue, plus } from '../../time/instant.ts';
import { duty } from '../duty.ts';
import { attemptOf, type NextRotation, nextRotation } from '../next-rotation.ts';
import { owedOf, owing, settled } from '../owed.ts';
import { afterLeft, allLack, nowHolds } from '../places.ts';
import { concluded } from '../record.ts';
import { endingGraceMs, retiring } from '../retiring.ts';
import type { Concluded, Rotation } from '../rotation.ts';
import type { FaultNote, PolicyState, RetiringKey, RotationReason } from '../state.ts';
import { createsLeft, strayOf } from '../strays.ts';
import { afterUndoing } from '../undone.ts';
import { isWanted } from '../wanted.ts';

/** A new key for the old one, by schedule or because somebody asked for it. */
export const rotate = duty<NextRotation>({
  name: 'rotate',
  items: (state, now) => {
    const rotation = nextRotation(state, now);
    return rotation === null ? [] : [{ at: rotation.at, because: rotation.because, of: '', what: rotation }];
  },
  carryOut: async ({ pending, reason }, { policy, state, rotate, change, now, newRotationId }) => {
    const rotation: Rotation = {
      id: pending?.rotationId ?? newRotationId(),
      policy,
      reason,
      attempt: pending === null ? 1 : attemptOf(state),
      startedAt: now(),
      generation: state.newestGeneration + 1,
      creates: createsLeft(state),
    };
    change(begun);
    const outcome = await rotate(rotation);
    return (state, now) => afterRotation(state, rotation, outcome, now);
  },
});

/** From here on it is under way; what is asked for now comes after it. */
export function begun(state: PolicyState): PolicyState {
  return settled({ ...state, pending: null }, 'rotate');
}

export function afterRotation(state: PolicyState, rotation: Rotation, end: Concluded, now: Instant): PolicyState {
  const strays = [...state.strays, ...end.lostMarkers.map((marker) => strayOf(marker, now))];
  const base = { ...state, lastSteps: end.steps, strays };
  return end.kind === 'published' ? afterPublished(base, rotation, end, now) : afterUndone(base, rotation, end, now);
}

function afterPublished(
  state: PolicyState,
  rotation: Rotation,
  end: Concluded & { kind: 'published' },
  now: Instant,
): PolicyState {
  const { policy, reason } = rotation;
  const { key, fault } = end;
  const fresh = { ...key, rotationId: rotation.id, publishedAt: now, isMarked: fault !== null };
  const former = state.current === null ? [] : [retiring(state.current, plus(now, policy.graceMs))];
  // The policy may have been deleted while the rotation was under way: then the fresh key goes like the others.
  const mode = state.ending?.mode ?? 'detach';
  const leaves = mode !== 'detach';
  const leaving = leaves ? [retiring(fresh, plus(now, endingGraceMs(state.policy, mode)))] : [];
  const placed = end.places.reduce((before, held) => nowHolds(before, held, key), allLack(state, now));
  const published: PolicyState = {
    ...judgedAnew(placed, plus(now, policy.graceMs)),
    current: leaves ? null : fresh,
    newestGeneration: key.generation,
    // A first key was planned for when its policy was made.
    next: reason.kind === 'first' && state.next !== null && !isDue(state.next.utc, now) ? state.next : null,
    anchor: anchorAfter(state, reason, rotation.startedAt),
  };
  const named = fault === null || leaves ? published : owing(published, 'rename', fresh.hash, fault, now);
  const retired = { ...named, retiring: [...named.retiring, ...former, ...leaving] };
  return concluded(retired, { ...record(rotation, end, now), generation: key.generation, fault, nextAttemptAt: null });
}

/**
 * Whatever kept an older key from being revoked is judged anew beside the fresh one. Where that was a store, which may
 * have shown the old key until now, its readers get a grace from now on (I9).
 */
function judgedAnew(state: PolicyState, disableAt: Instant): PolicyState {
  const wasShown = (key: RetiringKey) =>
    key.disabledAt === null && owedOf(state, 'disable', key.hash)?.fault.code === 'KEYTURN_OLD_KEY_STILL_NEEDED';
  return {
    ...state,
    retiring: state.retiring.map((key) => (wasShown(key) ? { ...key, withdrawn: true, disableAt } : key)),
    owed: state.owed.filter(({ of }) => !state.retiring.some(({ hash }) => hash === of)),
  };
}

/** However late it ran, a scheduled rotation is for its date, one on demand for its own, the first for the creation's. */
function anchorAfter(state: PolicyState, reason: RotationReason, startedAt: Instant): PolicyState['anchor'] {
  if (reason.kind === 'scheduled') return { date: reason.date };
  return reason.kind === 'requested' ? { at: startedAt } : state.anchor;
}

function afterUndone(
  before: PolicyState,
  rotation: Rotation,
  end: Concluded & { kind: 'undone' },
  now: Instant,
): PolicyState {
  const undone = afterLeft(afterUndoing(before, rotation.policy, end.undoing, now), end.left);
  const owed = end.undoFault === null ? undone : owing(undone, 'undo', '', end.undoFault, now);
  const state = owed.ending !== null || owed.pending !== null ? owed : tryingAgain(owed, rotation, end.fault, now);
  const { pending } = state;
  const wanted = pending !== null && isWanted(state, pending.reason);
  const nextAttemptAt = wanted ? (nextRotation(state, now)?.at ?? null) : null;
  return concluded(state, { ...record(rotation, end, now), generation: null, fault: end.fault, nextAttemptAt });
}

/** As another rotation: one id publishes at most one key (I4). */
function tryingAgain(
  state: PolicyState,
  { id, attempt, reason }: Rotation,
  fault: FaultNote,
  now: Instant,
): PolicyState {
  const [name, number = '1'] = id.split('.');
  const rotationId = `${name}.${Number(number) + 1}`;
  const pending = { rotationId, reason, askedAt: now, endGrace: false };
  return owing({ ...state, pending }, 'rotate', '', fault, now, attempt);
}

function record({ id, reason, attempt, startedAt }: Rotation, { kind, steps }: Concluded, at: Instant) {
  return { event: kind, at, rotationId: id, reason, attempt, startedAt, steps: steps.length };
}
