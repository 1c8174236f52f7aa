import { placeKey, placeRef } from '../../declared/place.ts';
import { plus } from '../../time/instant.ts';
import { at, duty } from '../duty.ts';
import { changePlace, isOverdue, lacking, nowHolds } from '../places.ts';
import { settlingMs } from '../rotation.ts';

type Lacking = ReturnType<typeof lacking>[number] & { isOverdue: boolean };

/**
 * Brings the current key to a place that lacks it: one that apply has added, one that is not required, one that was down.
 * No rotation is needed for it: the secret is at hand, sealed.
 */
export const fill = duty<Lacking>({
  name: 'fill',
  items: (state, now) =>
    lacking(state).map(({ place, known }) => ({
      at: now,
      because: `the current key, which ${placeKey(place)} lacks`,
      of: placeKey(place),
      what: { place, known, isOverdue: state.policy !== null && isOverdue(known, state.policy, now) },
    })),
  // An optional place may lack it for a while.
  cannot: ({ place, isOverdue }) =>
    place.required || isOverdue ? `bring the current key to ${placeKey(place)}` : undefined,
  carryOut: async ({ place, known }, { policy: { name }, state: { current }, steps, change, now }) => {
    if (current === null || current.sealed === null) return (state) => state;
    const { rotationId, sealed, digest } = current;
    const target = { ...at(name, place), brief: true as const };
    let { approval } = known;
    let version: string | null = null;
    if (approval === null) {
      const before = await steps.captureSecret({ ...target, rotationId });
      const written = await steps.storeSecret({ ...target, rotationId, sealed, before: before.sealed });
      ({ approval, version } = written);
      // Known before it is waited for: it must not be sent again.
      if (approval !== null) change((state) => changePlace(state, place, { approval }));
    }
    const verdict = await steps
      .verifySecret({ ...target, digest, settledAt: plus(now(), settlingMs), approval })
      .catch((error: { fault?: { code?: string } }) => {
        // Somebody closed the request: the next try asks anew.
        if (error.fault?.code === 'KEYTURN_APPROVAL_REFUSED') {
          change((state) => changePlace(state, place, { approval: null }));
        }
        throw error;
      });
    return (state, now) => {
      if (state.current?.digest !== digest) return state;
      return nowHolds(state, { place: placeRef(place), verdict, version, at: now }, state.current);
    };
  },
});
