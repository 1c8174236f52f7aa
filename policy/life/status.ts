import type { Policy } from '../declared/policy.ts';
import { type Instant, msBetween } from '../time/instant.ts';
import type { Run } from '../time/schedule.ts';
import { graceEnd, type NextStep, nextRotation, nextStep, rotatesBySchedule } from './lifecycle.ts';
import type {
  DroppedMessage,
  FaultNote,
  Happening,
  PendingRotation,
  PolicyState,
  RetiringKey,
  RotationReason,
  RotationRecord,
  SecretVerdict,
  StepReport,
} from './state.ts';

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
  /**
   * What each store was seen to hold: `matches`, or `unverified` where the store never shows a value. null: not written
   * yet, or by a Keyturn that did not keep it.
   */
  stores: { store: string; secret: string; verdict: SecretVerdict | null; verifiedAt: Instant | null }[];
  running: RunningRotation | null;
  pending: PendingRotation | null;
  last: RotationRecord | null;
  lastSteps: StepReport[];
  attention: Attention[];
  watching: string[];
  /** Messages that were not understood and changed nothing: the first of each kind. */
  dropped: DroppedMessage[];
  /** What stays behind when it ends; null unless it is being detached. */
  leaves: LeftBehind | null;
};

/** What a detached policy leaves to people: its workflow's result, and part of `status` while it ends. */
export type LeftBehind = {
  policy: string;
  connection: string | null;
  keys: { hash: string; generation: number; state: KeyStatus['state'] }[];
  secrets: { store: string; secret: string }[];
  /** Names of keys that may still turn up in OpenRouter: their creation was never answered. */
  markers: string[];
};

/** The state in a person's terms. `running` and `stuck` live only while a rotation is under way. */
export function statusOf(
  state: PolicyState,
  live: { running: RunningRotation | null; stuck: Attention | null },
  now: Instant,
): PolicyStatus {
  const step = nextStep(state, now);
  const attention = attentionOf(state, live.stuck);
  return {
    name: state.name,
    state: stateWord(state, live.running, attention),
    because: becauseOf(step, live.running),
    policy: state.policy,
    paused: state.paused,
    next: rotatesBySchedule(state) ? state.next : null,
    nextRotation: nextRotation(state, now),
    wakesAt: step.do === 'sleep' ? step.until : now,
    keys: keysOf(state, now),
    stores: storesOf(state),
    running: live.running,
    pending: state.pending,
    last: lastRotation(state),
    lastSteps: state.lastSteps,
    attention,
    watching: state.watch.map(({ marker }) => marker),
    dropped: state.dropped,
    leaves: state.ending?.mode === 'detach' ? leftBehind(state, now) : null,
  };
}

export function leftBehind(state: PolicyState, now: Instant): LeftBehind {
  const { policy, ending, watch } = state;
  const isHeld = state.newestGeneration > 0 && !ending?.clearedAt;
  const secrets = isHeld ? storesOf(state) : [];
  return {
    policy: state.name,
    connection: policy?.connection ?? null,
    keys: keysOf(state, now).map(({ hash, generation, state: stands }) => ({ hash, generation, state: stands })),
    secrets: secrets.map(({ store, secret }) => ({ store, secret })),
    markers: watch.map(({ marker }) => marker),
  };
}

function storesOf({ policy, current }: PolicyState): PolicyStatus['stores'] {
  return (policy?.secret.stores ?? []).map((store) => {
    const place = current?.places.find((one) => one.store === store);
    const verifiedAt = place?.at ?? current?.publishedAt ?? null;
    return { store, secret: policy?.secret.name ?? '', verdict: place?.verdict ?? null, verifiedAt };
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
  if (state.pending !== null && state.pending.attempt > 1) return 'retrying';
  if (state.paused !== null) return 'paused';
  return state.current === null ? 'new' : 'sleeping';
}

function attentionOf(state: PolicyState, stuck: Attention | null): Attention[] {
  const last = lastRotation(state);
  const blocked = [...state.retiring.map((key) => key.blocked), state.ending?.blocked ?? null];
  return [
    stuck,
    last !== null && (last.event === 'published' || !passes(last.fault)) ? last.fault : null,
    ...blocked.filter((one) => one?.kind !== 'transient'),
  ].flatMap((one) => (one === null || one === undefined ? [] : [attentionFrom(one)]));
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
  const blocked = key.blocked === null ? null : attentionFrom(key.blocked);
  return deleteAt === null
    ? {
        generation,
        hash,
        state: 'in grace',
        withdrawn,
        since: publishedAt,
        next: { action: 'disable', at: key.blocked?.retryAt ?? graceEnd(state, key, now) },
        blocked,
      }
    : {
        generation,
        hash,
        state: 'quarantined',
        withdrawn,
        since: disabledAt,
        next: { action: 'delete', at: key.blocked?.retryAt ?? deleteAt },
        blocked,
      };
}

function attentionFrom({ code, message, remedy }: Attention): Attention {
  return { code, message, remedy };
}
