import type { PlaceRef } from '../declared/place.ts';
import type { Policy } from '../declared/policy.ts';
import type { Instant } from '../time/instant.ts';
import type { Run } from '../time/schedule.ts';

/** Raised with every change of the shape, together with a migration from the number before (policy/life/migrations.ts). */
export const stateVersion = 4;

/** Everything a policy's workflow knows, passed on at continue-as-new. Plain JSON; holds digests, never a secret. */
export type PolicyState = {
  version: number;
  name: string;
  /** null until the first apply. */
  policy: Policy | null;
  appliedAt: Instant | null;
  /** The newest published key; null before the first. */
  current: PublishedKey | null;
  /** What each place of the policy was last seen to hold, in the policy's order. */
  places: PlaceState[];
  /** Places that the policy names no longer, and that are still to be freed; of those to be cleaned the secret is taken. */
  leaving: (PlaceRef & { clean: boolean })[];
  /** Former and withdrawn keys on their way out, oldest first. */
  retiring: RetiringKey[];
  /** The number of the newest key that a store has shown; none is used twice. */
  newestGeneration: number;
  /** What the schedule counts from: the local date that the last rotation was for, or a moment on that date. */
  anchor: Anchor | null;
  /** The next scheduled run; null until planned, and while autoRotate is off. */
  next: Run | null;
  /** A rotation that was asked for or is to be tried again; at most one. */
  pending: PendingRotation | null;
  /** The scheduled run (its instant) that was asked for again when it was due: time zone rules change. */
  confirmedRun: Instant | null;
  paused: { at: Instant; reason: string | null } | null;
  /** What is left to undo of the last rotation; none begins before that is done. */
  undoing: Undoing | null;
  strays: Stray[];
  /** What was tried and failed. */
  owed: Owed[];
  /** Request ids of the last requests and the rotation each got, oldest first: the same request twice is one rotation. */
  requests: { requestId: string; rotationId: string }[];
  ending: Ending | null;
  /** What happened, newest last, bounded. */
  history: Happening[];
  /** The last rotation of each outcome, apart from `history`: nothing that happens pushes them out (I7). */
  lastRotations: { published: RotationRecord | null; undone: RotationRecord | null };
  /** The steps of the last rotation, for `rotate --wait` and `status`. */
  lastSteps: StepReport[];
  /** Messages that were not understood: the first of each kind, so that a flood of them is one line. */
  dropped: DroppedMessage[];
};

export type DroppedMessage = { message: string; why: string; at: Instant };

export type Anchor = { date: string } | { at: Instant };

/** The next scheduled run, and the date that it counts from. */
export type Plan = { anchorDate: string; run: Run };

/** One of a policy's keys. `digest` identifies the secret without giving it away. */
export type KeyRef = { generation: number; hash: string; digest: string };

/** A live key as OpenRouter lists it. */
export type LiveKey = { hash: string; name: string; createdAt: Instant };

export type PublishedKey = KeyRef & {
  rotationId: string;
  publishedAt: Instant;
  /** The secret, sealed for policy and rotation: that the key works can be proven where no store shows it. */
  sealed: string | null;
  /** Still named by its marker. */
  isMarked: boolean;
};

/** `unverified`: the store never shows a value, so that it holds the right one is believed, not known. */
export type SecretVerdict = 'matches' | 'unverified';

export type PlaceState = PlaceRef & {
  /** The key it holds, as far as was seen; null: none of the policy's, or not known. */
  holds: (PlaceHold & { generation: number; digest: string }) | null;
  /** Since when it lacks the current key; null while it has it, and before there is one. */
  lacksSince: Instant | null;
  /** A change of it that somebody has to approve, and that could still take effect. */
  approval: Approval | null;
  /** Somebody else's value stands there: it is left alone until a rotation goes over it. */
  changed: Omit<FaultNote, 'retryAfterMs'> | null;
};

/** `version`: what the store calls the value, where it has a word for it. */
export type PlaceHold = { verdict: SecretVerdict; version: string | null; at: Instant };

/** A request that a person has to approve before a store takes a write. */
export type Approval = { id: string; url: string };

export type RetiringKey = KeyRef & {
  /** A store has shown it without its being published, or after its grace: it gets a grace of its own. */
  withdrawn: boolean;
  /** When it was published or, where it is withdrawn, taken out of the stores. */
  publishedAt: Instant;
  /** The end of its grace. */
  disableAt: Instant;
  disabledAt: Instant | null;
  /** The end of its quarantine; null until it is disabled. */
  deleteAt: Instant | null;
};

/**
 * A duty that was tried and failed: the one shape of everything that is tried again. `of`: which one, where a duty may
 * have several things to do: the hash of a key, a marker.
 */
export type Owed = {
  duty: string;
  of: string;
  tries: number;
  retryAt: Instant;
  fault: Omit<FaultNote, 'retryAfterMs'>;
};

export type RotationReason =
  | { kind: 'first' }
  | { kind: 'scheduled'; date: string }
  | { kind: 'requested'; text: string };

export type PendingRotation = {
  rotationId: string;
  reason: RotationReason;
  /** When it was asked for. A further try is owed, and waits for its time. */
  askedAt: Instant;
  /** Do not wait for the former key's grace: end it. */
  endGrace: boolean;
};

/** A key whose creation is in doubt, known by its marker only; looked for at each of `lookAt`. */
export type Stray = { marker: string; lookAt: Instant[] };

/** What is left to undo of a rotation, first things first. */
export type Undoing = {
  rotationId: string;
  /** Its key, where the answer to create arrived. */
  key: KeyRef | null;
  /** Some place has shown the key: readers may have it, so it is withdrawn, not removed. */
  isShown: boolean;
  steps: UndoStep[];
};

export type UndoStep =
  | {
      undo: 'write';
      place: PlaceRef;
      before: Memento;
      /** Not before: a lost write could still take effect afterwards. null: it would be refused. */
      notBefore: Instant | null;
      /** Of the write, or of a try to put back. */
      approval: Approval | null;
    }
  | { undo: 'create'; marker: string; hash: string | null };

/**
 * What a place held before a rotation wrote to it, enough to put it back exactly: sealed for policy, rotation and place,
 * and opaque to all but its store. Until version 4 it was the version in the local vault, which needs none.
 */
export type Memento = string | { kind: 'absent' } | { kind: 'version'; version: number };

export type Ending = { mode: EndingMode; clearedAt: Instant | null };

/** detach: keys and secrets stay. retire: they go after grace and quarantine. destroy: they go at once. */
export type EndingMode = 'detach' | 'retire' | 'destroy';

export type StepReport = {
  step: string;
  state: 'running' | 'done' | 'failed';
  startedAt: Instant;
  tookMs: number | null;
  note: string;
};

/** What went wrong, as state and history keep it: the fault's own words, no cause. */
export type FaultNote = {
  code: string;
  kind: string;
  message: string;
  remedy: string;
  /** How long the other side asked to wait before another try; milliseconds. */
  retryAfterMs?: number;
};

export type RotationRecord = {
  event: 'published' | 'undone';
  at: Instant;
  rotationId: string;
  reason: RotationReason;
  attempt: number;
  startedAt: Instant;
  steps: number;
  /** Set where published. */
  generation: number | null;
  /** Why it was undone, or what is left to do after publishing. */
  fault: FaultNote | null;
  nextAttemptAt: Instant | null;
};

export type Happening =
  | RotationRecord
  | { event: 'disabled' | 'deleted'; at: Instant; generation: number; hash: string; note: string }
  | { event: 'removed'; at: Instant; marker: string }
  | { event: 'applied' | 'paused' | 'resumed' | 'ending' | 'vacated'; at: Instant; note: string };

export function newPolicyState(name: string): PolicyState {
  return {
    version: stateVersion,
    name,
    policy: null,
    appliedAt: null,
    current: null,
    places: [],
    leaving: [],
    retiring: [],
    anchor: null,
    next: null,
    pending: null,
    confirmedRun: null,
    paused: null,
    undoing: null,
    strays: [],
    owed: [],
    requests: [],
    ending: null,
    newestGeneration: 0,
    history: [],
    lastRotations: { published: null, undone: null },
    lastSteps: [],
    dropped: [],
  };
}
