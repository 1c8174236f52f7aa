import { isSamePlace } from '../declared/place.ts';
import type { Policy } from '../declared/policy.ts';
import { type Instant, msBetween } from '../time/instant.ts';
import type { Run } from '../time/schedule.ts';
import { agenda, type NextStep, nextStep } from './agenda.ts';
import { attemptOf, nextRotation } from './next-rotation.ts';
import { dueAt, owedOf } from './owed.ts';
import { graceEnd } from './retiring.ts';
import type {
  DroppedMessage,
  FaultNote,
  Happening,
  Owed,
  PolicyState,
  RetiringKey,
  RotationReason,
  RotationRecord,
  SecretVerdict,
  StepReport,
} from './state.ts';
import { rotatesBySchedule } from './wanted.ts';

/** One word for a policy, also its search attribute `KeyturnState`. */
export type StateWord = 'new' | 'sleeping' | 'rotating' | 'retrying' | 'paused' | 'needs-attention' | 'ending';

export type Attention = { code: string; message: string; remedy: string };

export type RunningRotation = {
  rotationId: string;
  reason: RotationReason;
  attempt: number;
  startedAt: Instant;
  steps: StepReport[];
};

export type KeyStatus = {
  generation: number;
  hash: string;
  state: 'live' | 'in grace' | 'quarantined';
  /** A store has shown it before its rotation was undone. */
  withdrawn: boolean;
  /** When it was published or withdrawn, or disabled where it is quarantined. */
  since: Instant | null;
  /** What happens to it next; null for the live one. */
  next: { action: 'disable' | 'delete'; at: Instant } | null;
  blocked: Attention | null;
};

/** What `keyturn status` prints and the `status` query answers. Stable: see docs/cli.md. */
export type PolicyStatus = {
  name: string;
  state: StateWord;
  because: string;
  policy: Policy | null;
  paused: PolicyState['paused'];
  /** The next scheduled rotation; null where none will start by itself. */
  next: Run | null;
  /** When the next rotation starts, also one on request or a further try, and what it waits for. */
  nextRotation: { at: Instant; because: string } | null;
  /** When the policy wakes next, for whatever reason. */
  wakesAt: Instant | null;
  keys: KeyStatus[];
  /** Each place, in the order in which they are written. */
  stores: PlaceStatus[];
  running: RunningRotation | null;
  pending: PendingStatus | null;
  last: RotationRecord | null;
  lastSteps: StepReport[];
  /** What was tried and failed, and is tried again. */
  owed: OwedStatus[];
  attention: Attention[];
  /** Markers of keys whose creation was never answered, and which are looked for. */
  strays: string[];
  /** Messages that were not understood and changed nothing: the first of each kind. */
  dropped: DroppedMessage[];
  /** What stays behind when it ends; null unless it is being detached. */
  leaves: LeftBehind | null;
};

/**
 * `secret`: its name in the store. `verdict` of what it was seen to hold: `matches`, or `unverified` where the store never
 * shows a value; null: not written yet. `state`: it holds the `current` key; is `behind` with a former one; is `empty` of
 * any; a change of it `waits` for approval; somebody else has `changed` it.
 */
export type PlaceStatus = {
  store: string;
  secret: string;
  field: string | null;
  required: boolean;
  state: 'current' | 'behind' | 'empty' | 'waits' | 'changed';
  generation: number | null;
  /** Of the value it was last seen to hold: SHA-256, as `digestOf` (secrets/secret.ts) makes it. */
  digest: string | null;
  version: string | null;
  verdict: SecretVerdict | null;
  verifiedAt: Instant | null;
  /** Where a person approves it. */
  approvalUrl: string | null;
};

/** A rotation that was asked for or is to be tried again, before it begins. */
export type PendingStatus = {
  rotationId: string;
  reason: RotationReason;
  /** 1 for the first try. */
  attempt: number;
  notBefore: Instant;
  /** It does not wait for the former key's grace, but ends it. */
  endGrace: boolean;
};

/** `why`: when and why it is due, had it not failed: "the end of the grace of key #3". */
export type OwedStatus = Omit<Owed, 'fault'> & { why: string; fault: Attention };

/** What a detached policy leaves to people: its workflow's result, and part of `status` while it ends. */
export type LeftBehind = {
  policy: string;
  connection: string | null;
  keys: { hash: string; generation: number; state: KeyStatus['state'] }[];
  secrets: { store: string; secret: string; field: string | null }[];
  /** Names of keys that may still turn up in OpenRouter: their creation was never answered. */
  markers: string[];
};

/** The state in a person's terms. `running`: the rotation that is under way. */
export function statusOf(state: PolicyState, running: RunningRotation | null, now: Instant): PolicyStatus {
  const step = nextStep(state, now);
  const attention = attentionOf(state, now);
  return {
    name: state.name,
    state: stateWord(state, running, attention),
    because: becauseOf(step, running),
    policy: state.policy,
    paused: state.paused,
    next: rotatesBySchedule(state) ? state.next : null,
    nextRotation: nextStart(state, now),
    wakesAt: step.do === 'sleep' ? step.until : now,
    keys: keysOf(state, now),
    stores: storesOf(state),
    running,
    pending: pendingOf(state),
    last: lastRotation(state),
    lastSteps: state.lastSteps,
    owed: owedStatus(state, now),
    attention,
    strays: state.strays.map(({ marker }) => marker),
    dropped: state.dropped,
    leaves: state.ending?.mode === 'detach' ? leftBehind(state, now) : null,
  };
}

function nextStart(state: PolicyState, now: Instant): PolicyStatus['nextRotation'] {
  const next = nextRotation(state, now);
  return next && { at: next.at, because: next.because };
}

function pendingOf(state: PolicyState): PendingStatus | null {
  if (state.pending === null) return null;
  const { rotationId, reason, askedAt, endGrace } = state.pending;
  return { rotationId, reason, attempt: attemptOf(state), notBefore: dueAt(state, 'rotate', '', askedAt), endGrace };
}

export function leftBehind(state: PolicyState, now: Instant): LeftBehind {
  const { policy, undoing, strays } = state;
  const keys = keysOf(state, now).map(({ hash, generation, state: stands }) => ({ hash, generation, state: stands }));
  const halfMade = undoing?.key ? [{ ...undoing.key, state: 'live' as const }] : [];
  return {
    policy: state.name,
    connection: policy?.connection ?? null,
    keys: [...halfMade.map(({ hash, generation, state: stands }) => ({ hash, generation, state: stands })), ...keys],
    secrets: mayHoldSecrets(state) ? storesOf(state).map(({ store, secret, field }) => ({ store, secret, field })) : [],
    markers: strays.map(({ marker }) => marker),
  };
}

/** A key that was withdrawn has left the places again. */
function mayHoldSecrets({ current, retiring, undoing, ending }: PolicyState): boolean {
  if (ending !== null && ending.clearedAt !== null) return false;
  const isUndone = undoing === null || undoing.steps.every(({ undo }) => undo === 'create');
  return current !== null || retiring.some(({ withdrawn }) => !withdrawn) || !isUndone;
}

function storesOf({ policy, places, current }: PolicyState): PlaceStatus[] {
  return (policy?.secret.places ?? []).map((place) => {
    const known = places.find((one) => isSamePlace(one, place));
    const { holds = null, approval = null } = known ?? {};
    const isCurrent = holds !== null && holds.digest === current?.digest;
    const stands = isCurrent ? 'current' : holds === null ? 'empty' : 'behind';
    const { store, name: secret, field, required } = place;
    return {
      ...{ store, secret, field, required },
      state: known?.changed ? 'changed' : approval === null ? stands : 'waits',
      generation: holds?.generation ?? null,
      digest: holds?.digest ?? null,
      version: holds?.version ?? null,
      verdict: holds?.verdict ?? null,
      verifiedAt: holds?.at ?? null,
      approvalUrl: approval?.url ?? null,
    };
  });
}

/** Where it sleeps until a time, what comes then; otherwise a sentence. */
function becauseOf(step: NextStep, running: RunningRotation | null): string {
  if (running !== null) return 'a rotation is under way';
  return step.do === 'sleep' ? step.because : 'something is due';
}

function stateWord(state: PolicyState, running: RunningRotation | null, attention: Attention[]): StateWord {
  if (attention.length > 0) return 'needs-attention';
  if (running !== null) return 'rotating';
  if (state.ending !== null) return 'ending';
  if (state.pending !== null && attemptOf(state) > 1) return 'retrying';
  if (state.paused !== null) return 'paused';
  return state.current === null ? 'new' : 'sleeping';
}

/**
 * What waits for a person, though it is tried again as well: what is owed and does not go away by trying again, and how
 * the last rotation ended, until another one is published.
 */
function attentionOf(state: PolicyState, now: Instant): Attention[] {
  const last = lastRotation(state);
  const undone = last?.event === 'undone' && !passes(last.fault) ? [last.fault] : [];
  const owed = agenda(state, now).flatMap(({ duty, of, what }) => {
    const one = owedOf(state, duty.name, of);
    if (one === null || duty.name === 'rotate') return [];
    const cannot = duty.cannot?.(what);
    if (cannot === undefined) return one.fault.kind === 'transient' ? [] : [one.fault];
    return [{ ...one.fault, message: `Cannot ${cannot}: ${one.fault.message}` }];
  });
  const changed = state.places.map((place) => place.changed);
  return [...owed, ...changed, ...undone].flatMap((fault) => (fault === null ? [] : [attentionFrom(fault)]));
}

function owedStatus(state: PolicyState, now: Instant): OwedStatus[] {
  return agenda(state, now).flatMap(({ duty, of, because }) => {
    const owed = owedOf(state, duty.name, of);
    return owed === null ? [] : [{ ...owed, why: because, fault: attentionFrom(owed.fault) }];
  });
}

/** What goes away by trying again; anything else waits for a person, though it is tried again as well. */
function passes(fault: FaultNote | null): boolean {
  return fault === null || fault.kind === 'transient' || fault.kind === 'ambiguous';
}

export function lastRotation({ lastRotations }: PolicyState): RotationRecord | null {
  const { published, undone } = lastRotations;
  if (published === null || undone === null) return published ?? undone;
  return msBetween(published.at, undone.at) > 0 ? undone : published;
}

/** What happened, oldest first, with the last rotation of each outcome, however long ago that was. */
export function historyOf({ history, lastRotations }: PolicyState): Happening[] {
  const older = [lastRotations.published, lastRotations.undone].filter(
    (last) => last !== null && !history.some((one) => isRotation(one) && one.rotationId === last.rotationId),
  );
  return [...older.flatMap((one) => one ?? []), ...history].sort((a, b) => msBetween(b.at, a.at));
}

export function isRotation(happening: Happening): happening is RotationRecord {
  return happening.event === 'published' || happening.event === 'undone';
}

function keysOf(state: PolicyState, now: Instant): KeyStatus[] {
  const { current } = state;
  const live: KeyStatus[] =
    current === null
      ? []
      : [
          {
            generation: current.generation,
            hash: current.hash,
            state: 'live',
            withdrawn: false,
            since: current.publishedAt,
            next: null,
            blocked: null,
          },
        ];
  return [...live, ...state.retiring.toReversed().map((key) => retiringStatus(state, key, now))];
}

function retiringStatus(state: PolicyState, key: RetiringKey, now: Instant): KeyStatus {
  const { generation, hash, withdrawn, publishedAt, disabledAt, deleteAt } = key;
  const action = deleteAt === null ? 'disable' : 'delete';
  const owed = owedOf(state, action, hash);
  return {
    generation,
    hash,
    state: deleteAt === null ? 'in grace' : 'quarantined',
    withdrawn,
    since: deleteAt === null ? publishedAt : disabledAt,
    next: { action, at: dueAt(state, action, hash, deleteAt ?? graceEnd(state, key, now)) },
    blocked: owed && attentionFrom(owed.fault),
  };
}

function attentionFrom({ code, message, remedy }: Attention): Attention {
  return { code, message, remedy };
}
