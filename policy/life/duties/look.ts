import { duty } from '../duty.ts';
import { recorded } from '../record.ts';
import type { PolicyState, Stray } from '../state.ts';

/** Looks for a stray, and removes it where it has arrived; after the last look it is given up. */
export const look = duty<Stray>({
  name: 'look',
  items: ({ strays }) =>
    strays.flatMap((stray) => {
      const [at] = stray.lookAt;
      if (at === undefined) return [];
      return [
        { at, because: 'another look for a key whose creation was never answered', of: stray.marker, what: stray },
      ];
    }),
  carryOut: async ({ marker }, { policy: { connection, key }, steps }) => {
    const { workspace } = key;
    const { found } = await steps.reapKey({ connection, workspace, marker, hash: null, patient: false });
    return (state, now) => {
      const strays = state.strays.flatMap((one) => (one.marker === marker ? afterLook(one, found) : [one]));
      const looked: PolicyState = { ...state, strays };
      return found ? recorded(looked, { event: 'removed', at: now, marker }) : looked;
    };
  },
});

function afterLook({ marker, lookAt }: Stray, found: boolean): Stray[] {
  return found || lookAt.length <= 1 ? [] : [{ marker, lookAt: lookAt.slice(1) }];
}
