import type { PolicyState, RotationReason } from './state.ts';

/** Whether the schedule alone starts a rotation: automatic, not paused, with a first key, not being deleted. */
export function rotatesBySchedule(state: PolicyState): boolean {
  return state.policy?.autoRotate === true && state.paused === null && state.current !== null && state.ending === null;
}

/** A pause, and `autoRotate: false`, hold back what the schedule asked for; what a person asked for runs. */
export function isWanted(state: PolicyState, reason: RotationReason): boolean {
  return reason.kind !== 'scheduled' || rotatesBySchedule(state);
}
