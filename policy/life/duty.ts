import type { Place, PlaceRef } from '../declared/place.ts';
import type { Policy, Schedule } from '../declared/policy.ts';
import type { Instant } from '../time/instant.ts';
import type { Run } from '../time/schedule.ts';
import type { Concluded, Rotation } from './rotation.ts';
import type { Anchor, Approval, FaultNote, KeyRef, Memento, Plan, PolicyState, SecretVerdict } from './state.ts';

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
  /** What a person reads before the fault: a failure needs attention whatever the fault is. Else its kind decides. */
  cannot?: (what: What) => string | undefined;
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
  /** Those that must not hold it any more; the required ones hold its successor. */
  places: Place[];
};

/** A place as steps are told of it. `secret`: its name in the store. */
export type At = { policy: string; store: string; secret: string; field: string | null };

export function at(policy: string, { store, name, field }: PlaceRef): At {
  return { policy, store, secret: name, field };
}

/** Fails soon where a store is down: it is part of a duty, and owed then. */
type Brief = { brief?: true };

/** `lostWriteLifeMs`: how long after a write one whose answer was lost may still take effect; null: it would be refused. */
export type CapturedSecret = { sealed: string; note: string; lostWriteLifeMs: number | null };

/** `left`: why it does not hold what it held before; that is somebody else's value then. */
export type RestoredSecret = { shown: boolean; approval: Approval | null; left: FaultNote | null };

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
  captureSecret(input: At & Brief & { rotationId: string }): Promise<CapturedSecret>;
  storeSecret(
    input: At & Brief & { rotationId: string; sealed: string; before: Memento },
  ): Promise<{ version: string | null; approval: Approval | null }>;
  verifySecret(
    input: At & Brief & { digest: string; settledAt: Instant; approval: Approval | null },
  ): Promise<SecretVerdict>;
  restoreSecret(
    input: At & { rotationId: string; before: Memento; digest: string; approval: Approval | null },
  ): Promise<RestoredSecret>;
  /** `digests`: of the policy's keys. What is none of them is somebody else's, and stays; `keep`: whatever it is. */
  removeSecret(input: At & { digests: string[]; keep?: boolean }): Promise<'removed' | 'left'>;
  disableKey(input: Retirement): Promise<{ gone: boolean }>;
  deleteKey(input: Retirement): Promise<{ gone: boolean }>;
};

/** A duty whose items only it looks into. */
export type AnyDuty = Duty<unknown>;

export function duty<What>(one: Duty<What>): AnyDuty {
  return one as unknown as AnyDuty;
}
