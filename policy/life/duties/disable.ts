import { plus } from '../../time/instant.ts';
import { duty } from '../duty.ts';
import { happened, recorded } from '../record.ts';
import { changeRetiring, graceEnd, retirement, withoutKey } from '../retiring.ts';
import type { RetiringKey } from '../state.ts';

/** At the end of its grace a former or withdrawn key is disabled, after the proof that nobody needs it. */
export const disable = duty<RetiringKey>({
  name: 'disable',
  items: (state, now) => {
    // A policy that is being deleted empties its places first: none may hold a disabled key (I2).
    if (state.ending !== null && state.ending.clearedAt === null) return [];
    return state.retiring
      .filter((key) => key.disabledAt === null)
      .map((key) => ({
        at: graceEnd(state, key, now),
        because: `the end of the grace of key #${key.generation}`,
        of: key.hash,
        what: key,
      }));
  },
  carryOut: async (key, { policy, state: before, steps, now }) => {
    const { gone } = await steps.disableKey(retirement(before, policy, key, now()));
    return (state, now) => {
      // It can be enabled again until it is deleted; one that somebody deleted cannot.
      if (gone) return withoutKey(state, key, 'it was deleted outside Keyturn', now);
      const quarantineMs = state.ending?.mode === 'destroy' ? 0 : policy.quarantineMs;
      const disabled = changeRetiring(state, key, { disabledAt: now, deleteAt: plus(now, quarantineMs) });
      return recorded(disabled, happened('disabled', key, '', now));
    };
  },
});
