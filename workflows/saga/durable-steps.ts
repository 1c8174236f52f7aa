import {
  ActivityCancellationType,
  ActivityFailure,
  type ActivityOptions,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  proxyActivities,
  sleep,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../../activities/index.ts';
import { fault } from '../../errors/keyturn-error.ts';
import type { FaultNote, StepReport } from '../../policy/life/state.ts';
import { connectionQueue } from '../messages.ts';
import { isSentAgain } from './rotate.ts';
import {
  heartbeatTimeoutMs,
  limitsOf,
  retryPolicy,
  rowOf,
  type StepName,
  type StepOptions,
  stepNames,
} from './step-table.ts';
import { StepFailed, type Steps, type Ways } from './steps.ts';

/** Where the progress of steps goes. */
export type Report = (step: StepReport) => void;

/** Where the steps of a way run: one that may be told to stop, or one that is never cancelled. */
type Scope = { run: <T>(work: () => Promise<T>) => Promise<T>; isStopped: () => boolean };

/** The steps as activities: each with its time-outs, a summary for the Web UI, and its progress reported. */
export function durableSteps(report: Report): Ways & { stop: () => void } {
  const { steps: forward, stop } = stoppableSteps(report);
  // A rotation must not be torn apart by a cancellation of its workflow.
  const back = stepsIn({ run: (work) => CancellationScope.nonCancellable(work), isStopped: () => false }, report);
  return { forward, back, stop };
}

/** Steps that may be told to stop, for the rest of this run. */
export function stoppableSteps(report: Report): { steps: Steps; stop: () => void } {
  const scope = new CancellationScope();
  const steps = stepsIn({ run: (work) => scope.run(work), isStopped: () => scope.consideredCancelled }, report);
  return { steps, stop: () => scope.cancel() };
}

function stepsIn(scope: Scope, report: Report): Steps {
  const durable = stepNames.map((name) => [name, durableStep(name, scope, report)]);
  return {
    ...(Object.fromEntries(durable) as unknown as Pick<Steps, StepName>),
    pause: async (ms, because) => {
      await scope
        .run(() => sleep(ms, { summary: because }))
        .catch((error) => {
          throw new StepFailed(faultFrom('pause', error));
        });
    },
    now: () => new Date(Date.now()).toISOString(),
  };
}

type AnyStep = (input: object) => Promise<unknown>;

function durableStep(name: StepName, scope: Scope, report: Report): AnyStep {
  const row = rowOf(name);
  return async (input) => {
    const startedAt = Date.now();
    const progress = (state: StepReport['state'], note: string): StepReport => ({
      step: name,
      state,
      startedAt: new Date(startedAt).toISOString(),
      tookMs: state === 'running' ? null : Date.now() - startedAt,
      note,
    });
    const summary = row.summary(input).slice(0, 250);
    const activities = proxyActivities<Activities>({ ...optionsOf(limitsOf(name, input), input), summary });
    const step = activities[name] as unknown as AnyStep;

    if (scope.isStopped()) throw new StepFailed(fault('KEYTURN_ROTATION_STOPPED').toJSON());
    report(progress('running', ''));
    try {
      const result = await scope.run(() => step(input));
      report(progress('done', row.note(input, result)));
      return result;
    } catch (error) {
      const failed = new StepFailed(faultFrom(name, error));
      const waits = name === 'createKey' && isSentAgain(failed.fault);
      report(waits ? progress('running', 'waits for its turn') : progress('failed', failed.fault.code));
      throw failed;
    }
  };
}

function optionsOf(row: StepOptions, input: object): ActivityOptions {
  const { startToCloseMs, scheduleToCloseMs, maximumAttempts, priority = 3 } = row;
  return {
    ...('connection' in input ? inTurn(String(input.connection), priority) : { priority: { priorityKey: priority } }),
    startToCloseTimeout: startToCloseMs,
    ...(scheduleToCloseMs === null ? {} : { scheduleToCloseTimeout: scheduleToCloseMs }),
    heartbeatTimeout: heartbeatTimeoutMs,
    // What has begun is waited for: whether it took effect decides what has to be undone.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: retryPolicy.initialIntervalMs,
      backoffCoefficient: retryPolicy.backoffCoefficient,
      maximumInterval: retryPolicy.maximumIntervalMs,
      ...(maximumAttempts === null ? {} : { maximumAttempts }),
    },
  };
}

/** On the task queue of the connection, where Temporal keeps its pace. */
export function inTurn(connection: string, priorityKey: number): ActivityOptions {
  return { taskQueue: connectionQueue(workflowInfo().taskQueue, connection), priority: { priorityKey } };
}

/** The worker puts code, kind and remedy on the failure (worker/activity-interceptor.ts); a time-out has none of them. */
export function faultFrom(step: string, error: unknown): FaultNote {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure && cause.type?.startsWith('KEYTURN_')) {
    const [told] = (cause.details ?? []) as Partial<FaultNote>[];
    return { kind: 'terminal', remedy: '', ...told, code: cause.type, message: cause.message };
  }
  // It may have been on its way: a key that nobody heard of is looked for. But not one whose turn never came.
  const isStopped = cause instanceof CancelledFailure;
  if (isStopped && (step !== 'createKey' || hasNotStarted(error))) return fault('KEYTURN_ROTATION_STOPPED').toJSON();
  if (isStopped || cause instanceof TimeoutFailure) return fault('KEYTURN_STEP_LOST', step).toJSON();
  const what = cause instanceof Error ? cause.message : 'an unknown failure';
  return fault('KEYTURN_INTERNAL', `${step}: ${what}`).toJSON();
}

function hasNotStarted(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const { startedEventId } = error.failure?.activityFailureInfo ?? {};
  return Number(startedEventId ?? 0) === 0;
}
