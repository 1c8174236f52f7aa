import { isSamePlace, type PlaceRef, placeKey } from '../../declared/place.ts';
import { at, duty } from '../duty.ts';
import { ourDigests } from '../places.ts';
import { recorded } from '../record.ts';

/** A place that the policy names no longer is free for others; whoever applied that may have it cleaned, too. */
export const vacate = duty<PlaceRef & { clean: boolean }>({
  name: 'vacate',
  items: ({ leaving, undoing }, now) =>
    // What is put back afterwards would stay.
    (undoing === null ? leaving : []).map((place) => ({
      at: now,
      because: `the policy's leaving ${placeKey(place)}`,
      of: placeKey(place),
      what: place,
    })),
  carryOut: async (place, { policy, state: before, steps }) => {
    const { clean } = place;
    const end = await steps.removeSecret({ ...at(policy.name, place), digests: ourDigests(before), keep: !clean });
    const kept = clean ? ' holds what somebody else wrote, and keeps it' : ' keeps what it holds';
    const note = `${placeKey(place)}${end === 'left' ? kept : ' no longer holds the secret'}`;
    return (state, now) =>
      recorded(
        { ...state, leaving: state.leaving.filter((one) => !isSamePlace(one, place)) },
        { event: 'vacated', at: now, note },
      );
  },
});
