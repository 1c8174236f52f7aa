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
import { heartbeatTimeoutMs, retryPolicy, stepOptions } from './activity-options.ts';
import { isSentAgain } from './rotate.ts';
import { stepWords } from './step-words.ts';
import { StepFailed, type StepName, type Steps, type Ways } from './steps.ts';

/** Where the progress of steps goes, and what a person is told while an undo does not succeed. */
export type Watcher = { report: (step: StepReport) => void; stuck: Steps['stuck'] };

/** Where the steps of a way run: one that may be told to stop, or one that is never cancelled. */
type Scope = { run: <T>(work: () => Promise<T>) => Promise<T>; isStopped: () => boolean };

/**
 * The steps as activities: each with its time-outs, a summary for the Web UI, and its progress reported. `stop` is for
 * the rest of this run.
 */
export function durableSteps(watcher: Watcher): Ways & { stop: () => void } {
  const stoppable = new CancellationScope();
  return {
    forward: stepsIn({ run: (work) => stoppable.run(work), isStopped: () => stoppable.consideredCancelled }, watcher),
    // A rotation must not be torn apart by a cancellation of its workflow.
    back: stepsIn({ run: (work) => CancellationScope.nonCancellable(work), isStopped: () => false }, watcher),
    stop: () => stoppable.cancel(),
  };
}

function stepsIn(scope: Scope, watcher: Watcher): Steps {
  const durable = <Name extends StepName>(name: Name) => durableStep(name, scope, watcher);
  return {
    createKey: durable('createKey'),
    verifyKey: durable('verifyKey'),
    captureSecret: durable('captureSecret'),
    storeSecret: durable('storeSecret'),
    verifySecret: durable('verifySecret'),
    restoreSecret: durable('restoreSecret'),
    renameKey: durable('renameKey'),
    reapKey: durable('reapKey'),
    disableKey: durable('disableKey'),
    deleteKey: durable('deleteKey'),
    removeSecret: durable('removeSecret'),
    pause: async (ms, because) => {
      await scope
        .run(() => sleep(ms, { summary: because }))
        .catch((error) => {
          throw new StepFailed(faultFrom('pause', error));
        });
    },
    now: () => new Date(Date.now()).toISOString(),
    stuck: watcher.stuck,
  };
}

function durableStep<Name extends StepName>(name: Name, scope: Scope, { report }: Watcher): Activities[Name] {
  type Input = Parameters<Activities[Name]>[0];
  type Result = Awaited<ReturnType<Activities[Name]>>;
  const words = stepWords[name] as {
    summary: (input: Input) => string;
    note: (input: Input, result: Result) => string;
  };
  const run = async (input: Input): Promise<Result> => {
    const startedAt = Date.now();
    const progress = (state: StepReport['state'], note: string): StepReport => ({
      step: name,
      state,
      startedAt: new Date(startedAt).toISOString(),
      tookMs: state === 'running' ? null : Date.now() - startedAt,
      note,
    });
    const summary = words.summary(input).slice(0, 250);
    const activities = proxyActivities<Activities>({ ...optionsOf(name, input), summary });
    const step = activities[name] as unknown as (input: Input) => Promise<Result>;

    if (scope.isStopped()) throw new StepFailed(fault('KEYTURN_ROTATION_STOPPED').toJSON());
    report(progress('running', ''));
    try {
      const result = await scope.run(() => step(input));
      report(progress('done', words.note(input, result)));
      return result;
    } catch (error) {
      const failed = new StepFailed(faultFrom(name, error));
      const waits = name === 'createKey' && isSentAgain(failed.fault);
      report(waits ? progress('running', 'waits for its turn') : progress('failed', failed.fault.code));
      throw failed;
    }
  };
  return run as Activities[Name];
}

function optionsOf(name: StepName, input: object): ActivityOptions {
  const { startToCloseMs, scheduleToCloseMs, maximumAttempts, priority } = stepOptions[name];
  return {
    ...(priority === null || !('connection' in input) ? {} : inTurn(String(input.connection), priority)),
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
