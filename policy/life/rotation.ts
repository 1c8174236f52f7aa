import type { Policy } from '../declared/policy.ts';
import type { Instant } from '../time/instant.ts';
import type { FaultNote, KeyRef, PublishedKey, RotationReason, StepReport, Undoing } from './state.ts';

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
  | { kind: 'published'; key: KeyRef & Pick<PublishedKey, 'sealed' | 'places'>; fault: FaultNote | null }
  | { kind: 'undone'; fault: FaultNote; undoing: Undoing; undoFault: FaultNote | null }
);

/** An outcome with the steps that led to it. */
export type Concluded = Outcome & { steps: StepReport[] };
