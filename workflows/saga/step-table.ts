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
    summary: ({ store, secret }) => `note what ${store} holds under ${secret}`,
    note: (_, before) => (before.kind === 'absent' ? 'nothing yet' : `version ${before.version}`),
  },
  storeSecret: {
    ...storeStep,
    summary: ({ store, secret }) => `store ${secret} in ${store}`,
    note: ({ store, secret }) => `${store} ${secret}`,
  },
  verifySecret: {
    ...storeStep,
    summary: ({ store, secret }) => `read ${secret} back from ${store}`,
    note: (_, verdict) => verdict,
  },
  restoreSecret: {
    ...undoStep,
    summary: ({ store, secret }) => `undo: put back what ${store} held under ${secret}`,
    note: ({ store }) => `${store} as it was`,
  },
  removeSecret: {
    ...undoStep,
    summary: ({ store, secret }) => `take ${secret} out of ${store}`,
    note: ({ store }) => `${store} no longer holds it`,
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

/** A row for whoever does not look into the step's input and result. */
export function rowOf(name: StepName): Row<unknown, unknown> {
  return stepTable[name] as unknown as Row<unknown, unknown>;
}

/** Enough of a key's hash to tell keys apart: `5f3c…e1`. */
export function shortHash(hash: string): string {
  return `${hash.slice(0, 4)}…${hash.slice(-2)}`;
}
