import type { Activities } from '../../activities/index.ts';

/** How long a step may take and how often it is tried; milliseconds. The simulated world obeys the same table. */
export type StepOptions = {
  /** One try. */
  startToCloseMs: number;
  /** All tries together, with the waits for a turn; null: for ever. */
  scheduleToCloseMs: number | null;
  maximumAttempts: number | null;
  /**
   * Its place among those that wait, 1 before 5: for a turn of their connection, where they ask OpenRouter. What has begun
   * goes before what begins: else a fleet that is due at one time would make all of its keys first. Nobody knows how long
   * a wait for a turn is, so tries bound these steps, and no time. Default 3.
   */
  priority?: number;
};

type Row<Input, Result> = StepOptions & {
  /** What differs with the input. */
  differs?: (input: Input) => Partial<StepOptions>;
  /** What the Web UI shows on the activity: at most 250 characters (facts temporal §1), nothing secret. */
  summary: (input: Input) => string;
  /** What a person reads beside the finished step. */
  note: (input: Input, result: Result) => string;
};

type RowOf<Name extends keyof Activities> = Row<Parameters<Activities[Name]>[0], Awaited<ReturnType<Activities[Name]>>>;

const second = 1_000;
const minute = 60_000;

/** A worker that died is noticed after this long: running steps report every few seconds (worker/activity-interceptor.ts). */
export const heartbeatTimeoutMs = 10 * second;

export const retryPolicy = { initialIntervalMs: second, backoffCoefficient: 2, maximumIntervalMs: minute };

/**
 * Both keys are valid while a store is tried again, so patience costs nothing; giving up costs a key that was made in
 * vain, and that readers of another store may have by then. A working day for somebody to mend the store.
 */
const storeStep: StepOptions = {
  startToCloseMs: 30 * second,
  scheduleToCloseMs: 8 * 60 * minute,
  maximumAttempts: null,
};
/** What fails as part of a duty is owed, shown, and tried again for ever; this is how long it takes to show. */
const undoStep: StepOptions = { ...storeStep, scheduleToCloseMs: 10 * minute };
/** Part of a duty: owed where it fails. */
const brief = (input: { brief?: true }): Partial<StepOptions> =>
  input.brief ? { scheduleToCloseMs: 2 * minute, maximumAttempts: 3 } : {};
/** How long a rotation waits until somebody approves what it wrote; a long week-end. */
const approvalMs = 4 * 24 * 60 * minute;
/** Before every step that carries on or begins: somebody waits for the answer. */
export const askedFor = 1;
const carriesOn = 2;
const begins = 5;

/**
 * Three tries, each of two turns at most (worker/turns.ts): nothing else of the policy goes on meanwhile, and `status`
 * shows only then what is owed.
 */
const upstreamStep: StepOptions = {
  startToCloseMs: 4 * minute,
  scheduleToCloseMs: null,
  maximumAttempts: 6,
  priority: carriesOn,
};
/** Milliseconds, and tried for ever; it goes before the steps of other policies, which wait their turn with OpenRouter. */
const briefStep: StepOptions = {
  startToCloseMs: 10 * second,
  scheduleToCloseMs: null,
  maximumAttempts: null,
  priority: 1,
};

/** The activities that rotations and duties are made of: everything about each but what it does (activities/). */
export const stepTable = {
  createKey: {
    // Once: a second POST for the same marker could make a second key (facts §1, §10).
    startToCloseMs: 2 * minute,
    scheduleToCloseMs: null,
    maximumAttempts: 1,
    priority: begins,
    summary: ({ marker }) => `create key ${marker}`,
    note: (_, { hash }) => shortHash(hash),
  },
  verifyKey: {
    // Longer than it polls the edges of OpenRouter. A quarter of an hour of tries.
    startToCloseMs: 9 * minute,
    scheduleToCloseMs: null,
    maximumAttempts: 20,
    priority: carriesOn,
    summary: ({ hash }) => `verify key ${shortHash(hash)}: OpenRouter accepts it, and it is what was asked`,
    note: (_, { accepted }) => `${accepted} of ${accepted} accepted`,
  },
  captureSecret: {
    ...storeStep,
    differs: brief,
    summary: (place) => `note what ${placeName(place)} holds`,
    note: (_, { note }) => note ?? '',
  },
  storeSecret: {
    ...storeStep,
    differs: brief,
    summary: (place) => `store the secret in ${placeName(place)}`,
    note: (place, written) => (written?.approval ? `waits for approval: ${written.approval.url}` : placeName(place)),
  },
  verifySecret: {
    ...storeStep,
    differs: (input) => (input.brief || !input.approval ? brief(input) : { scheduleToCloseMs: approvalMs }),
    summary: (place) =>
      place.approval
        ? `wait until ${place.approval.url} is approved, and read ${placeName(place)} back`
        : `read ${placeName(place)} back`,
    note: (_, verdict) => verdict,
  },
  restoreSecret: {
    ...undoStep,
    summary: (place) => `undo: put back what ${placeName(place)} held`,
    note: (place, { left, approval }) => {
      if (left) return `${placeName(place)} left as somebody else wrote it`;
      return approval ? `waits for approval: ${approval.url}` : `${placeName(place)} as it was`;
    },
  },
  removeSecret: {
    ...undoStep,
    summary: (place) => `take the secret out of ${placeName(place)}`,
    note: (place, end) => (end === 'left' ? `${placeName(place)} keeps what somebody else wrote` : placeName(place)),
  },
  renameKey: {
    ...upstreamStep,
    summary: ({ hash, name }) => `name key ${shortHash(hash)} ${name}`,
    note: () => 'has its final name',
  },
  reapKey: {
    // A time after all: each of its turns is a try, and it has as many as there are pages of keys.
    startToCloseMs: 9 * minute,
    scheduleToCloseMs: 60 * minute,
    maximumAttempts: null,
    priority: carriesOn,
    summary: ({ marker }) => `look for key ${marker} and remove it`,
    note: (_, { found }) => (found ? 'removed' : 'not found'),
  },
  disableKey: {
    ...upstreamStep,
    summary: ({ key }) => `disable key #${key.generation} ${shortHash(key.hash)} after proof that it is replaced`,
    note: (_, { gone }) => (gone ? 'was already deleted' : 'disabled'),
  },
  deleteKey: {
    ...upstreamStep,
    summary: ({ key }) => `delete key #${key.generation} ${shortHash(key.hash)}`,
    note: (_, { gone }) => (gone ? 'was already deleted' : 'deleted'),
  },
  planRun: {
    ...briefStep,
    summary: () => 'plan the next rotation',
    note: (_, { run }) => run.local,
  },
  confirmRun: {
    ...briefStep,
    summary: () => 'ask again when the rotation is due, by the time zone rules of today',
    note: (_, run) => run.local,
  },
} satisfies { [Name in keyof Activities]?: RowOf<Name> };

export type StepName = keyof typeof stepTable;

export const stepNames = Object.keys(stepTable) as StepName[];

/** What a step may take, for this input. */
export function limitsOf(name: StepName, input: unknown): StepOptions {
  const row = rowOf(name);
  return { ...row, ...row.differs?.(input) };
}

/** A place in a few words: `aws prod/checkout (openrouterKey)`. */
function placeName({ store, secret, field }: { store: string; secret: string; field?: string | null }): string {
  return field ? `${store} ${secret} (${field})` : `${store} ${secret}`;
}

/** A row for whoever does not look into the step's input and result. */
export function rowOf(name: StepName): Row<unknown, unknown> {
  return stepTable[name] as unknown as Row<unknown, unknown>;
}

/** Enough of a key's hash to tell keys apart: `5f3c…e1`. */
export function shortHash(hash: string): string {
  return `${hash.slice(0, 4)}…${hash.slice(-2)}`;
}
