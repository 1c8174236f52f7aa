import type { StepName } from '../../workflows/saga/step-table.ts';
import type { Random } from './random.ts';

/**
 * The ways in which a step can go wrong, and the steps: the fault matrix of design §7, as far as its steps exist, and a
 * connection whose line is full.
 */
export const injectionKinds = [
  'crash before',
  'crash after',
  'answer lost',
  'no turn',
  '429',
  '5xx',
  'hang',
  'slow',
  'stale read',
  'partial write',
  'swallowed',
  'clock jump',
] as const;
export type InjectionKind = (typeof injectionKinds)[number];

export const faultySteps = {
  create: 'createKey',
  verify: 'verifyKey',
  capture: 'captureSecret',
  store: 'storeSecret',
  'read back': 'verifySecret',
  rename: 'renameKey',
  disable: 'disableKey',
  delete: 'deleteKey',
  reap: 'reapKey',
  restore: 'restoreSecret',
  remove: 'removeSecret',
} as const satisfies Record<string, StepName>;

/** What strikes one attempt of a step. Every field counts only for the kinds that need it. */
export type Injection = {
  kind: InjectionKind;
  /** Which of the attempt's requests it strikes, from 0; null: the one that the step is there for. */
  request: number | null;
  /** 5xx, hang: whether it took effect all the same. */
  committed: boolean;
  /** Crash before, hang: the request, or the worker that was given up, goes on so much later; null: never. */
  lateMs: number | null;
  /** Crash: how long no worker runs. */
  downMs: number;
  /** 429: what the answer asks to wait; null: it does not say. No turn: how long the line is. */
  retryAfterMs: number | null;
  /** Slow: how long the request takes. */
  slowMs: number;
  /** Stale read: how old everything is that the attempt reads. */
  ageMs: number;
  /** Clock jump: how far time leaps; before zero only the worker's own clock goes back. */
  jumpMs: number;
};

/** What strikes the next attempt of a step, if anything. */
export type InjectionSource = (step: StepName, now: number) => Injection | null;

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** An injection of its kind with nothing special about it. */
export function plainInjection(kind: InjectionKind): Injection {
  return {
    kind,
    request: null,
    committed: true,
    lateMs: null,
    downMs: 5 * second,
    retryAfterMs: null,
    slowMs: 20 * second,
    ageMs: minute,
    jumpMs: 3 * hour,
  };
}

/**
 * The longest time after which a request may still arrive. Below a day: that is when the last look for a stray
 * is due, and what arrives after it nobody looks for.
 */
export const latestArrivalMs = 20 * hour;

export function randomInjection(random: Random): Injection {
  return {
    kind: random.pick(injectionKinds),
    request: random.chance(0.7) ? null : random.between(0, 3),
    committed: random.chance(0.5),
    lateMs: random.chance(0.5) ? lateness(random) : null,
    downMs: random.chance(0.8) ? random.between(0, 2 * minute) : random.between(2 * minute, 3 * hour),
    retryAfterMs: random.chance(0.5) ? random.between(1, 120) * second : null,
    slowMs: random.chance(0.7) ? random.between(1, 25) * second : random.between(45 * second, 9 * minute),
    ageMs: random.chance(0.8) ? random.between(1, 60) * second : random.between(minute, 10 * minute),
    jumpMs: random.chance(0.7) ? random.between(second, 4 * hour) : -random.between(second, 4 * hour),
  };
}

/** Around the moments at which Keyturn looks: the patient minutes, and the looks after ten minutes, an hour, a day. */
function lateness(random: Random): number {
  const [from, to] = random.pick([
    [1, 10 * second],
    [10 * second, 3 * minute],
    [3 * minute, 15 * minute],
    [15 * minute, 90 * minute],
    [90 * minute, latestArrivalMs],
  ] as const);
  return random.between(from, to);
}

/**
 * Injections by chance: an attempt is struck with `probability`. Most strike once; some go on for a few attempts, and some
 * for up to an hour and a half, so that retries are used up.
 */
export function randomInjections(random: Random, probability: number): InjectionSource {
  let lasting: { step: StepName; injection: Injection; strikes: number; untilMs: number } | null = null;
  return (step, now) => {
    if (lasting !== null && lasting.step === step) {
      if (lasting.strikes > 0 && now < lasting.untilMs) {
        lasting.strikes -= 1;
        return lasting.injection;
      }
      lasting = null;
    }
    if (!random.chance(probability)) return null;
    const injection = randomInjection(random);
    if (random.chance(0.3)) lasting = { step, injection, strikes: random.between(1, 4), untilMs: now + hour };
    else if (random.chance(0.15)) {
      lasting = { step, injection, strikes: Number.POSITIVE_INFINITY, untilMs: now + random.between(11, 90) * minute };
    }
    return injection;
  };
}

/** How often each kind of injection struck each step: `table[step][kind]`. */
export type InjectionTable = Map<StepName, Map<InjectionKind, number>>;

export function countInjection(table: InjectionTable, step: StepName, kind: InjectionKind, times = 1): void {
  const row = table.get(step) ?? new Map<InjectionKind, number>();
  row.set(kind, (row.get(kind) ?? 0) + times);
  table.set(step, row);
}
