import { duty } from '../duty.ts';
import type { PublishedKey } from '../state.ts';

/** The saga gives the published key its name in place of its marker; where that failed, it is tried again here. */
export const rename = duty<PublishedKey>({
  name: 'rename',
  items: ({ current, ending }, now) => {
    if (current === null || !current.isMarked || ending !== null) return [];
    return [
      { at: now, because: 'the name of the new key, which still has its marker', of: current.hash, what: current },
    ];
  },
  carryOut: async ({ hash }, { policy: { connection, key }, steps }) => {
    await steps.renameKey({ connection, hash, name: key.name });
    return (state) =>
      state.current?.hash === hash ? { ...state, current: { ...state.current, isMarked: false } } : state;
  },
});
