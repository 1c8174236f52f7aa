import { isDue } from '../../time/instant.ts';
import { duty } from '../duty.ts';
import { nextRotation } from '../next-rotation.ts';

/** Finds the next scheduled run, where there is none. */
export const plan = duty<null>({
  name: 'plan',
  isBrief: true,
  items: (state, now) => {
    const { policy, next, anchor, ending } = state;
    if (policy?.autoRotate !== true || next !== null || anchor === null || ending !== null) return [];
    // A rotation that is due now does not wait for a plan: the schedule goes on from it, so it is planned afterwards.
    const rotation = nextRotation(state, now);
    if (rotation !== null && isDue(rotation.at, now)) return [];
    return [{ at: now, because: 'its next run is being planned', of: '', what: null }];
  },
  carryOut: async (_, { policy, state: { anchor }, steps, now }) => {
    if (anchor === null) return (state) => state;
    const { anchorDate, run } = await steps.planRun({ schedule: policy.schedule, anchor, after: now() });
    // A message may have replaced the policy meanwhile; then the next round plans by that.
    return (state) => (state.policy === policy ? { ...state, anchor: { date: anchorDate }, next: run } : state);
  },
});
