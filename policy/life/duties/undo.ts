import { duty } from '../duty.ts';
import { owedOf } from '../owed.ts';
import { afterLeft } from '../places.ts';
import type { PolicyState, Undoing } from '../state.ts';
import { notBefore, undoNext, undoWords } from '../undoing.ts';
import { afterUndoing } from '../undone.ts';

/**
 * The saga undoes a rotation that failed; what it could not undo is done here, one step after the other: a key must not go
 * while a place still holds it.
 */
export const undo = duty<Undoing>({
  name: 'undo',
  items: (state, now) => {
    const { undoing } = state;
    if (undoing === null || isLeft(state)) return [];
    return [
      { at: notBefore(undoing) ?? now, because: `what is left to undo: ${undoWords(undoing)}`, of: '', what: undoing },
    ];
  },
  cannot: undoWords,
  carryOut: async (undoing, { policy, steps }) => {
    const left = await undoNext(undoing, policy, steps);
    return (state, now) => afterLeft(afterUndoing(state, policy, left, now), left.left);
  },
});

/** A policy is detached in a quarter of an hour, whatever refuses: what is not undone by then, its result tells. */
function isLeft(state: PolicyState): boolean {
  return state.ending?.mode === 'detach' && (owedOf(state, 'undo')?.tries ?? 0) >= 5;
}
