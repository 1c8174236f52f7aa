import { isDue } from '../../time/instant.ts';
import { duty } from '../duty.ts';
import { nextRotation } from '../next-rotation.ts';

/** Time zone rules change while a policy sleeps: a scheduled run is asked for again when it is due, never run early. */
export const confirm = duty<null>({
  name: 'confirm',
  isBrief: true,
  items: (state, now) => {
    const rotation = nextRotation(state, now);
    if (rotation === null || rotation.pending !== null || state.next?.utc === state.confirmedRun) return [];
    return [{ at: rotation.at, because: rotation.because, of: '', what: null }];
  },
  carryOut: async (_, { policy, state: { next }, steps }) => {
    if (next === null) return (state) => state;
    const run = await steps.confirmRun({ schedule: policy.schedule, date: next.date });
    return (state, now) => {
      if (state.policy !== policy || state.next !== next) return state;
      // One that the rules have moved is asked for again when it is due.
      return { ...state, next: run, confirmedRun: isDue(run.utc, now) ? run.utc : null };
    };
  },
});
