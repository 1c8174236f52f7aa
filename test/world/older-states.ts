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

/** As version 3: stores had no places, and the current key kept what each was seen to hold. */
function asVersion3(state: PolicyState) {
  const { policy, places, leaving, current, undoing, ...same } = state;
  const isPlain = policy?.secret.places.every(({ field, required }) => field === null && required) ?? true;
  const isKnown = places.every(({ approval, changed }) => approval === null && changed === null);
  if (!isPlain || !isKnown || leaving.length > 0 || undoing !== null) return null;
  const verdicts = places.flatMap(({ store, holds }) =>
    holds === null || holds.digest !== current?.digest ? [] : [{ store, verdict: holds.verdict, at: holds.at }],
  );
  // Places that had not been brought up to date were not a state then.
  if (current !== null && verdicts.length !== places.length) return null;
  const { name = '', places: named = [] } = policy?.secret ?? {};
  return {
    ...same,
    version: 3,
    undoing,
    policy: policy && { ...policy, version: 2, secret: { name, stores: named.map(({ store }) => store) } },
    current: current && { ...current, places: verdicts },
  };
}

/** As version 2: it had no word for the rest of an undo, nor for a name that is owed. */
export function asVersion2(state: PolicyState) {
  const third = asVersion3(state);
  if (third === null) return null;
  const { undoing, strays, owed: _, confirmedRun: __, current, retiring, ending, pending, ...same } = third;
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
