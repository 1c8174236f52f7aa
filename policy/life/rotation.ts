import type { PlaceRef } from '../declared/place.ts';
import type { Policy } from '../declared/policy.ts';
import type { Instant } from '../time/instant.ts';
import type { FaultNote, KeyRef, PlaceHold, RotationReason, StepReport, Undoing } from './state.ts';

/** How long a store may show an older value after a write; longer, and it holds something else. */
export const settlingMs = 10 * 60_000;

/** A rotation that begins. */
export type Rotation = {
  id: string;
  policy: Policy;
  reason: RotationReason;
  /** 1 for the first try; failed tries count on. */
  attempt: number;
  startedAt: Instant;
  generation: number;
  /** How many POSTs it may send, one or more (policy/life/strays.ts). */
  creates: number;
};

/**
 * What came of it. `lostMarkers`: creates whose answer was lost and whose key was not found; it may still turn up.
 * `fault` of a published one: why its key still has its marker for a name.
 */
export type Outcome = { lostMarkers: string[] } & (
  | { kind: 'published'; key: KeyRef & { sealed: string }; places: Held[]; fault: FaultNote | null }
  | { kind: 'undone'; fault: FaultNote; undoing: Undoing; undoFault: FaultNote | null; left: Left[] }
);

/** A place that holds the new key. */
export type Held = PlaceHold & { place: PlaceRef };

/** A place where an undo met what somebody else had written: it was left alone. */
export type Left = { place: PlaceRef; why: FaultNote };

/** An outcome with the steps that led to it. */
export type Concluded = Outcome & { steps: StepReport[] };
