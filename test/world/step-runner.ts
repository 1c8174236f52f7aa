import { createActivities } from '../../activities/index.ts';
import { fault, KeyturnError } from '../../errors/keyturn-error.ts';
import type { FaultNote } from '../../policy/life/state.ts';
import {
  heartbeatTimeoutMs,
  limitsOf,
  retryPolicy,
  type StepName,
  stepNames,
} from '../../workflows/saga/step-table.ts';
import { StepFailed, type Steps, type Ways } from '../../workflows/saga/steps.ts';
import type { InjectionKind, InjectionSource } from './injections.ts';
import { type Attempt, type Surroundings, toolsFor } from './wire.ts';

export type StepRunnerOptions = Surroundings & {
  injections: InjectionSource;
  /** Told of every injection that really struck. */
  onStrike: (step: StepName, kind: InjectionKind) => void;
  /** Told of an error that no injection can explain: a defect. */
  onDefect: (what: string) => void;
  trace: (what: string) => void;
  /** Attempts of createKey. Default: as activity-options.ts says; another number is a mutation. */
  createAttempts?: number;
};

/** What Temporal does for the steps, and the worker that may be down. */
export type StepRunner = {
  ways: Ways;
  /** From now on forward steps are refused, and those that wait to be tried again are given up. */
  stop: () => void;
  /** The steps of a duty that is no rotation; and how the one that is under way stops. */
  duty: () => Steps;
  stopDuty: () => void;
  workerUp: () => Promise<void>;
};

type Ending =
  | { is: 'done'; result: unknown }
  | { is: 'failed'; fault: FaultNote; final: boolean }
  /** No answer in time: the worker died, or hangs. */
  | { is: 'lost' };

/**
 * Plays Temporal: carries each step out as attempts of an activity, obeying workflows/saga/step-table.ts, and turns
 * errors into `StepFailed` as worker/activity-interceptor.ts and workflows/saga/durable-steps.ts do.
 */
export function createStepRunner(options: StepRunnerOptions): StepRunner {
  const { clock, injections, onStrike, onDefect, trace } = options;
  let upAtMs = 0;

  async function workerUp(): Promise<void> {
    while (clock.now() < upAtMs) await clock.wait(upAtMs - clock.now());
  }

  function attemptOnce(step: StepName, input: unknown, limitMs: number): Promise<Ending> {
    return new Promise((resolve) => {
      let answers = true;
      const planned = injections(step, clock.now());
      const lost = () => resolve({ is: 'lost' });
      const limit = clock.after(limitMs, lost);
      const attempt: Attempt = {
        step,
        injection: planned,
        author: { by: 'keyturn', since: clock.now(), sees: clock.now() - (planned?.ageMs ?? 0) },
        requests: 0,
        struck: false,
        strike() {
          this.struck = true;
          trace(`  ${planned?.kind} strikes ${step}`);
          if (planned !== null) onStrike(step, planned.kind);
        },
        die(downMs) {
          answers = false;
          upAtMs = Math.max(upAtMs, clock.now() + downMs);
          // Timers belong to the server: they go on while no worker runs.
          clock.after(heartbeatTimeoutMs, lost);
        },
      };
      const activities = createActivities(toolsFor(attempt, options));
      const activity = activities[step] as (input: unknown) => Promise<unknown>;
      const settle = (ending: Ending) => {
        if (!answers) return;
        limit.run = null;
        resolve(ending);
      };
      activity(input).then(
        (result) => settle({ is: 'done', result }),
        (error) => settle(failed(error, onDefect)),
      );
    });
  }

  const stopped = (step: StepName | 'pause') =>
    new StepFailed(
      (step === 'createKey' ? fault('KEYTURN_STEP_LOST', step) : fault('KEYTURN_ROTATION_STOPPED')).toJSON(),
    );

  /** Waits, or ends early where the way is told to stop. */
  async function waitOn(ms: number, brake: Brake | null): Promise<void> {
    if (brake === null) return clock.wait(ms);
    const alarm = Promise.withResolvers<'rung'>();
    const timer = clock.after(ms, () => alarm.resolve('rung'));
    if ((await Promise.race([alarm.promise, brake.pulled])) === 'stopped') timer.run = null;
  }

  async function carryOut(step: StepName, input: unknown, brake: Brake | null): Promise<unknown> {
    const { startToCloseMs, scheduleToCloseMs, maximumAttempts } = limitsHere(step, input, options.createAttempts);
    const endMs = scheduleToCloseMs === null ? Number.POSITIVE_INFINITY : clock.now() + scheduleToCloseMs;
    for (let attempt = 1; ; attempt++) {
      if (brake?.isPulled)
        throw attempt === 1 ? new StepFailed(fault('KEYTURN_ROTATION_STOPPED').toJSON()) : stopped(step);
      const inTime = upAtMs < endMs;
      if (inTime && clock.now() < upAtMs) await workerUp();
      const limitMs = Math.min(startToCloseMs, endMs - clock.now());
      const ending = await (inTime ? attemptOnce(step, input, limitMs) : lostAt(endMs));
      if (ending.is === 'done') return ending.result;
      const note: FaultNote = ending.is === 'lost' ? fault('KEYTURN_STEP_LOST', step).toJSON() : ending.fault;
      trace(`  ${step} attempt ${attempt}: ${note.code}`);
      const intervalMs = retryIntervalMs(attempt, note.retryAfterMs);
      const isFinal = ending.is === 'failed' && ending.final;
      if (isFinal || attempt === maximumAttempts || clock.now() + intervalMs >= endMs) {
        // The workflow hears of it when a worker runs it again.
        await workerUp();
        throw new StepFailed(note);
      }
      await waitOn(intervalMs, brake);
    }
  }

  async function lostAt(endMs: number): Promise<Ending> {
    await clock.wait(endMs - clock.now());
    return { is: 'lost' };
  }

  const stepsOf = (brake: Brake | null): Steps => {
    const steps = stepNames.map((name) => [name, (input: unknown) => carryOut(name, input, brake)]);
    return {
      ...(Object.fromEntries(steps) as unknown as Pick<Steps, StepName>),
      pause: async (ms) => {
        await waitOn(ms, brake);
        await workerUp();
        if (brake?.isPulled) throw stopped('pause');
      },
      now: clock.instant,
    };
  };
  const rotation = new Brake();
  let brake = new Brake();
  return {
    ways: { forward: stepsOf(rotation), back: stepsOf(null) },
    stop: () => rotation.pull(),
    duty: () => {
      brake = new Brake();
      return stepsOf(brake);
    },
    stopDuty: () => brake.pull(),
    workerUp,
  };
}

/** Pulled once, for good. */
class Brake {
  isPulled = false;
  readonly #pulling = Promise.withResolvers<'stopped'>();
  readonly pulled = this.#pulling.promise;

  pull(): void {
    this.isPulled = true;
    this.#pulling.resolve('stopped');
  }
}

function limitsHere(step: StepName, input: unknown, createAttempts: number | undefined) {
  const limits = limitsOf(step, input);
  return step === 'createKey' && createAttempts !== undefined ? { ...limits, maximumAttempts: createAttempts } : limits;
}

/** As Temporal counts: doubled from the first interval, or what the failure asks for. */
function retryIntervalMs(attempt: number, retryAfterMs: number | undefined): number {
  const { initialIntervalMs, backoffCoefficient, maximumIntervalMs } = retryPolicy;
  return retryAfterMs ?? Math.min(maximumIntervalMs, initialIntervalMs * backoffCoefficient ** (attempt - 1));
}

/** As worker/activity-interceptor.ts: code, kind, remedy and the wait asked for travel; terminal and ambiguous are not tried again. */
function failed(error: unknown, onDefect: (what: string) => void): Ending {
  if (error instanceof KeyturnError) {
    const { kind, retryAfterMs } = error;
    const final = kind === 'terminal' || kind === 'ambiguous';
    return {
      is: 'failed',
      fault: { ...error.toJSON(), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
      final,
    };
  }
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  onDefect(what);
  return { is: 'failed', fault: fault('KEYTURN_INTERNAL', what).toJSON(), final: false };
}
