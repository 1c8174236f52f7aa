import type { StepName } from './steps.ts';

/** How long a step may take and how often it is tried; milliseconds. The simulated world obeys the same table. */
export type StepOptions = {
  /** One try. */
  startToCloseMs: number;
  /** All tries together; null: for ever. */
  scheduleToCloseMs: number | null;
  maximumAttempts: number | null;
};

const minute = 60_000;

/** A worker that died is noticed after this long: running steps report every few seconds (worker/activity-interceptor.ts). */
export const heartbeatTimeoutMs = 10_000;

export const retryPolicy = { initialIntervalMs: 1_000, backoffCoefficient: 2, maximumIntervalMs: minute };

/**
 * Both keys are valid while a store is tried again, so patience costs nothing; giving up costs a key that was made in
 * vain, and that readers of another store may have by then. A working day for somebody to mend the store.
 */
const storeStep: StepOptions = { startToCloseMs: 30_000, scheduleToCloseMs: 8 * 60 * minute, maximumAttempts: null };
/** The saga tries an undo again for ever, and shows it; this is how long it takes to show. */
const undoStep: StepOptions = { ...storeStep, scheduleToCloseMs: 10 * minute };
/**
 * A request may wait a minute for its turn and half a minute for its answer (openrouter/client.ts), more than once.
 * Three tries: nothing else of the policy goes on meanwhile, and `status` shows only then why the key is kept. The
 * lifecycle tries again for ever (policy/life/transitions.ts).
 */
const retirementStep: StepOptions = {
  startToCloseMs: 4 * minute,
  scheduleToCloseMs: 15 * minute,
  maximumAttempts: 3,
};

export const stepOptions: Record<StepName, StepOptions> = {
  // Once: a second POST for the same marker could make a second key (facts §1, §10).
  createKey: { startToCloseMs: 2 * minute, scheduleToCloseMs: 5 * minute, maximumAttempts: 1 },
  // Longer than the deadline it polls to.
  verifyKey: { startToCloseMs: 9 * minute, scheduleToCloseMs: 20 * minute, maximumAttempts: null },
  captureSecret: storeStep,
  storeSecret: storeStep,
  verifySecret: storeStep,
  restoreSecret: undoStep,
  removeSecret: undoStep,
  // The key is published: renaming is only ever carried through.
  renameKey: { startToCloseMs: 4 * minute, scheduleToCloseMs: null, maximumAttempts: null },
  // Longer than its patient look.
  reapKey: { startToCloseMs: 9 * minute, scheduleToCloseMs: 20 * minute, maximumAttempts: null },
  disableKey: retirementStep,
  deleteKey: retirementStep,
};
