import type { StepName } from './steps.ts';

/** How long a step may take and how often it is tried; milliseconds. The simulated world obeys the same table. */
export type StepOptions = {
  /** One try. */
  startToCloseMs: number;
  /** All tries together, with the waits for a turn; null: for ever. */
  scheduleToCloseMs: number | null;
  maximumAttempts: number | null;
  /**
   * Its place among those that wait for a turn of their connection, 1 before 5; null: it takes none. What has begun goes
   * before what begins: else a fleet that is due at one time would make all of its keys first. Nobody knows how long a
   * wait for a turn is, so tries bound these steps, and no time.
   */
  priority: number | null;
};

const minute = 60_000;

/** A worker that died is noticed after this long: running steps report every few seconds (worker/activity-interceptor.ts). */
export const heartbeatTimeoutMs = 10_000;

export const retryPolicy = { initialIntervalMs: 1_000, backoffCoefficient: 2, maximumIntervalMs: minute };

/**
 * Both keys are valid while a store is tried again, so patience costs nothing; giving up costs a key that was made in
 * vain, and that readers of another store may have by then. A working day for somebody to mend the store.
 */
const storeStep: StepOptions = {
  startToCloseMs: 30_000,
  scheduleToCloseMs: 8 * 60 * minute,
  maximumAttempts: null,
  priority: null,
};
/** The saga tries an undo again for ever, and shows it; this is how long it takes to show. */
const undoStep: StepOptions = { ...storeStep, scheduleToCloseMs: 10 * minute };
/** Before every step that carries on or begins: somebody waits for the answer. */
export const askedFor = 1;
const carriesOn = 2;
const begins = 5;

/**
 * Three tries: nothing else of the policy goes on meanwhile, and `status` shows only then why the key is kept. The
 * lifecycle tries again for ever (policy/life/transitions.ts).
 */
const retirementStep: StepOptions = {
  startToCloseMs: 4 * minute,
  scheduleToCloseMs: null,
  maximumAttempts: 3,
  priority: carriesOn,
};

export const stepOptions: Record<StepName, StepOptions> = {
  // Once: a second POST for the same marker could make a second key (facts §1, §10).
  createKey: { startToCloseMs: 2 * minute, scheduleToCloseMs: null, maximumAttempts: 1, priority: begins },
  // Longer than the deadline it polls to. A quarter of an hour of tries.
  verifyKey: { startToCloseMs: 9 * minute, scheduleToCloseMs: null, maximumAttempts: 20, priority: carriesOn },
  captureSecret: storeStep,
  storeSecret: storeStep,
  verifySecret: storeStep,
  restoreSecret: undoStep,
  removeSecret: undoStep,
  // The key is published: renaming is only ever carried through.
  renameKey: { startToCloseMs: 4 * minute, scheduleToCloseMs: null, maximumAttempts: null, priority: carriesOn },
  // A time after all: each of its turns is a try (worker/turns.ts), and it has as many as there are pages of keys. An undo
  // is tried again for ever, and a marker that was not found stays on the watch list.
  reapKey: {
    startToCloseMs: 9 * minute,
    scheduleToCloseMs: 60 * minute,
    maximumAttempts: null,
    priority: carriesOn,
  },
  disableKey: retirementStep,
  deleteKey: retirementStep,
};
