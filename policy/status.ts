import type { Instant } from './instant.ts';
import { graceEnd, type NextStep, nextRotation, nextStep, rotatesBySchedule } from './lifecycle.ts';
import type { Policy } from './policy.ts';
import type { Run } from './schedule.ts';
import type {
  Happening,
  PendingRotation,
  PolicyState,
  RetiringKey,
  RotationReason,
  RotationRecord,
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
  /** When it was published, or disabled where it is quarantined. */
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
  stores: { store: string; secret: string; verifiedAt: Instant | null }[];
  running: RunningRotation | null;
  pending: PendingRotation | null;
  last: RotationRecord | null;
  lastSteps: StepReport[];
  attention: Attention[];
  watching: string[];
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
    stores: (state.policy?.secret.stores ?? []).map((store) => ({
      store,
      secret: state.policy?.secret.name ?? '',
      verifiedAt: state.current?.publishedAt ?? null,
    })),
    running: live.running,
    pending: state.pending,
    last: lastRotation(state),
    lastSteps: state.lastSteps,
    attention,
    watching: state.watch.map(({ marker }) => marker),
  };
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
    last?.event === 'published' || last?.fault?.kind === 'needs-attention' ? last.fault : null,
    ...blocked.filter((one) => one?.kind !== 'transient'),
  ].flatMap((one) => (one === null || one === undefined ? [] : [attentionFrom(one)]));
}

export function lastRotation(state: PolicyState): RotationRecord | null {
  return state.history.findLast(isRotation) ?? null;
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
            since: current.publishedAt,
            next: null,
            blocked: null,
          },
        ];
  return [...live, ...state.retiring.toReversed().map((key) => retiringStatus(state, key, now))];
}

function retiringStatus(state: PolicyState, key: RetiringKey, now: Instant): KeyStatus {
  const { generation, hash, publishedAt, disabledAt, deleteAt } = key;
  const blocked = key.blocked === null ? null : attentionFrom(key.blocked);
  return deleteAt === null
    ? {
        generation,
        hash,
        state: 'in grace',
        since: publishedAt,
        next: { action: 'disable', at: key.blocked?.retryAt ?? graceEnd(state, key, now) },
        blocked,
      }
    : {
        generation,
        hash,
        state: 'quarantined',
        since: disabledAt,
        next: { action: 'delete', at: key.blocked?.retryAt ?? deleteAt },
        blocked,
      };
}

function attentionFrom({ code, message, remedy }: Attention): Attention {
  return { code, message, remedy };
}
