import type { Policy, Schedule } from '../declared/policy.ts';
import type { Instant } from '../time/instant.ts';
import type { Run } from '../time/schedule.ts';
import type { Concluded, Rotation } from './rotation.ts';
import type { Anchor, KeyRef, Memento, Plan, PolicyState } from './state.ts';

/**
 * One thing that a policy has to do at some time: when and why it is due, how it is carried out, and what that changes.
 * A duty that fails is owed, and tried again by the one rule of policy/life/owed.ts. How to add one: docs/extending.md.
 */
export type Duty<What> = {
  name: string;
  /** All that it has to do, now or later. Where a try has failed, the next one's time comes on top. */
  items: (state: PolicyState, now: Instant) => Item<What>[];
  /** Throws what failed; answers what changed, for the state as it is by then. */
  carryOut: (what: What, around: Around) => Promise<Change>;
  /** What a person reads before the fault: a failure needs attention whatever the fault is. Default: its kind decides. */
  cannot?: (what: What) => string;
  /** Takes milliseconds and changes nothing that people see: the run goes on with what follows. */
  isBrief?: true;
};

/** `of`: which one, where a duty may have several: the hash of a key, a marker. */
export type Item<What> = { at: Instant; because: string; of: string; what: What };

export type Change = (state: PolicyState, now: Instant) => PolicyState;

/** What carrying out a duty may use. */
export type Around = {
  policy: Policy;
  /** As it is when the duty begins. Messages may change it meanwhile. */
  state: PolicyState;
  steps: DutySteps;
  /** Carries a whole rotation out. */
  rotate: (rotation: Rotation) => Promise<Concluded>;
  /** Changes the state at once, before the duty is done. */
  change: (change: Change) => void;
  now: () => Instant;
  newRotationId: () => string;
};

/** Why and how a key goes: what the proof that it is replaced needs to know (activities/prove-replaced.ts). */
export type Retirement = {
  policy: string;
  connection: string;
  /** The key that is to go. */
  key: KeyRef;
  /** The key that has taken its place; null where the policy is being deleted. `sealed` for its rotation. */
  successor: (KeyRef & { rotationId: string; sealed: string | null }) | null;
  stores: string[];
  secret: string;
};

type Place = { policy: string; store: string; secret: string };

/** The steps that duties are made of: activities in the workflow, plain functions in the simulated world. */
export type DutySteps = {
  planRun(input: { schedule: Schedule; anchor: Anchor; after: Instant }): Promise<Plan>;
  confirmRun(input: { schedule: Schedule; date: string }): Promise<Run>;
  renameKey(input: { connection: string; hash: string; name: string }): Promise<void>;
  reapKey(input: {
    connection: string;
    workspace: string | null;
    marker: string;
    hash: string | null;
    patient: boolean;
  }): Promise<{ found: boolean }>;
  restoreSecret(input: Place & { rotationId: string; before: Memento }): Promise<{ shown: boolean }>;
  removeSecret(input: Place): Promise<void>;
  disableKey(input: Retirement): Promise<{ gone: boolean }>;
  deleteKey(input: Retirement): Promise<{ gone: boolean }>;
};

/** A duty whose items only it looks into. */
export type AnyDuty = Duty<unknown>;

export function duty<What>(one: Duty<What>): AnyDuty {
  return one as unknown as AnyDuty;
}
