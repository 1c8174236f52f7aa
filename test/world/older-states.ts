import { attemptOf } from '../../policy/life/next-rotation.ts';
import { dueAt, owedOf } from '../../policy/life/owed.ts';
import type { PolicyState } from '../../policy/life/state.ts';

/** The state as version 1 would have passed it on; null where that could not have held it. */
export function asVersion1(state: PolicyState): unknown {
  const second = asVersion2(state);
  if (second === null || second.retiring.some(({ withdrawn }) => withdrawn)) return null;
  const { newestGeneration: _, lastRotations: __, dropped: ___, policy, current, retiring, ...same } = second;
  const { version: ____, ...policyThen } = policy ?? { version: 0 };
  const { sealed: _____, places: ______, ...currentThen } = current ?? { sealed: null, places: [] };
  return {
    ...same,
    version: 1,
    policy: policy && policyThen,
    current: current && currentThen,
    retiring: retiring.map(({ withdrawn: _______, ...key }) => key),
  };
}

/** As version 2: it had no word for the rest of an undo, nor for a name that is owed. */
export function asVersion2(state: PolicyState) {
  const { undoing, strays, owed: _, confirmedRun: __, current, retiring, ending, pending, ...same } = state;
  if (undoing !== null || current?.isMarked === true) return null;
  const blocked = (duty: string, of = '') => {
    const owed = owedOf(state, duty, of);
    return owed && { ...owed.fault, tries: owed.tries, retryAt: owed.retryAt };
  };
  const { isMarked: ___, ...currentThen } = current ?? { isMarked: false };
  return {
    ...same,
    version: 2,
    current: current && (currentThen as Omit<typeof current, 'isMarked'>),
    retiring: retiring.map((key) => ({
      ...key,
      blocked: blocked(key.deleteAt === null ? 'disable' : 'delete', key.hash),
    })),
    watch: strays.map(({ marker, lookAt: [first, ...more] }) => ({
      marker,
      sweepAt: first === undefined ? [] : [dueAt(state, 'look', marker, first), ...more],
    })),
    ending: ending && { ...ending, blocked: blocked('clear') },
    pending: pending && {
      rotationId: pending.rotationId,
      reason: pending.reason,
      endGrace: pending.endGrace,
      attempt: attemptOf(state),
      notBefore: dueAt(state, 'rotate', '', pending.askedAt),
    },
  };
}
