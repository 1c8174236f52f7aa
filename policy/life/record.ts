import type { Instant } from '../time/instant.ts';
import { remembered } from './bounds.ts';
import type { Happening, KeyRef, PolicyState, RotationRecord } from './state.ts';

/** What happened, for `history`. */
export function recorded(state: PolicyState, happening: Happening): PolicyState {
  return { ...state, history: remembered([...state.history, happening]) };
}

/** The end of a rotation, which nothing pushes out (I7). */
export function concluded(state: PolicyState, rotation: RotationRecord): PolicyState {
  return recorded({ ...state, lastRotations: { ...state.lastRotations, [rotation.event]: rotation } }, rotation);
}

export function happened(event: 'disabled' | 'deleted', key: KeyRef, note: string, at: Instant): Happening {
  return { event, at, generation: key.generation, hash: key.hash, note };
}
