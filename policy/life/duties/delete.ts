import { duty } from '../duty.ts';
import { mostQuarantined, retirement, withoutKey } from '../retiring.ts';
import type { RetiringKey } from '../state.ts';

/** At the end of its quarantine a disabled key is deleted for ever. */
export const deleteDuty = duty<RetiringKey>({
  name: 'delete',
  items: (state, now) => {
    const tooMany = new Set(state.retiring.filter((key) => key.disabledAt !== null).slice(0, -mostQuarantined));
    return state.retiring.flatMap((key) =>
      key.deleteAt === null
        ? []
        : [
            {
              at: tooMany.has(key) ? now : key.deleteAt,
              because: `the end of the quarantine of key #${key.generation}`,
              of: key.hash,
              what: key,
            },
          ],
    );
  },
  carryOut: async (key, { policy, state: before, steps, now }) => {
    const { gone } = await steps.deleteKey(retirement(before, policy, key, now()));
    return (state, now) => withoutKey(state, key, gone ? 'it was gone already' : '', now);
  },
});
