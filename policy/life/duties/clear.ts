import type { PlaceRef } from '../../declared/place.ts';
import { at, duty } from '../duty.ts';
import { ourDigests } from '../places.ts';

/** A policy that is being deleted takes its secret out of its places, once no key is in its grace. */
export const clear = duty<null>({
  name: 'clear',
  items: ({ ending, retiring, undoing }, now) => {
    // What is put back after the clearing would stay.
    if (ending === null || ending.clearedAt !== null || undoing !== null) return [];
    const [due = now] = retiring.map(({ disableAt }) => disableAt).sort((a, b) => Date.parse(b) - Date.parse(a));
    return [{ at: due, because: 'the end of the grace, then the secret leaves the stores', of: '', what: null }];
  },
  carryOut: async (_, { policy: { name, secret }, state: before, steps }) => {
    const places: PlaceRef[] = [...secret.places, ...before.leaving];
    for (const place of places) await steps.removeSecret({ ...at(name, place), digests: ourDigests(before) });
    return (state, now) =>
      state.ending === null ? state : { ...state, leaving: [], ending: { ...state.ending, clearedAt: now } };
  },
});
