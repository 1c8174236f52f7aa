import {
  ActivityFailure,
  type ActivityOptions,
  ApplicationFailure,
  CancellationScope,
  proxyActivities,
  sleep,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { fault } from '../errors/keyturn-error.ts';
import type { FaultNote, StepReport } from '../policy/state.ts';
import { heartbeatTimeoutMs, retryPolicy, stepOptions } from './activity-options.ts';
import { outOfTurn } from './rotate.ts';
import { stepWords } from './step-words.ts';
import { StepFailed, type StepName, type Steps } from './steps.ts';

/** Where the progress of steps goes, and what a person is told while an undo does not succeed. */
export type Watcher = { report: (step: StepReport) => void; stuck: Steps['stuck'] };

/** The steps as activities: each with its time-outs, a summary for the Web UI, and its progress reported. */
export function durableSteps(watcher: Watcher): Steps {
  return {
    createKey: durable('createKey', watcher),
    verifyKey: durable('verifyKey', watcher),
    captureSecret: durable('captureSecret', watcher),
    storeSecret: durable('storeSecret', watcher),
    verifySecret: durable('verifySecret', watcher),
    restoreSecret: durable('restoreSecret', watcher),
    renameKey: durable('renameKey', watcher),
    reapKey: durable('reapKey', watcher),
    disableKey: durable('disableKey', watcher),
    deleteKey: durable('deleteKey', watcher),
    removeSecret: durable('removeSecret', watcher),
    pause: (ms, because) => CancellationScope.nonCancellable(() => sleep(ms, { summary: because })),
    stuck: watcher.stuck,
  };
}

function durable<Name extends StepName>(name: Name, { report }: Watcher): Activities[Name] {
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
    const activities = proxyActivities<Activities>({ ...optionsOf(name), summary });
    const step = activities[name] as unknown as (input: Input) => Promise<Result>;

    report(progress('running', ''));
    try {
      // What has begun is ended: a rotation must not be torn apart by a cancellation of its workflow.
      const result = await CancellationScope.nonCancellable(() => step(input));
      report(progress('done', words.note(input, result)));
      return result;
    } catch (error) {
      const failed = new StepFailed(faultFrom(name, error));
      const waits = name === 'createKey' && failed.fault.code === outOfTurn;
      report(waits ? progress('running', 'waits for its turn') : progress('failed', failed.fault.code));
      throw failed;
    }
  };
  return run as Activities[Name];
}

function optionsOf(name: StepName): ActivityOptions {
  const { startToCloseMs, scheduleToCloseMs, maximumAttempts } = stepOptions[name];
  return {
    startToCloseTimeout: startToCloseMs,
    ...(scheduleToCloseMs === null ? {} : { scheduleToCloseTimeout: scheduleToCloseMs }),
    heartbeatTimeout: heartbeatTimeoutMs,
    retry: {
      initialInterval: retryPolicy.initialIntervalMs,
      backoffCoefficient: retryPolicy.backoffCoefficient,
      maximumInterval: retryPolicy.maximumIntervalMs,
      ...(maximumAttempts === null ? {} : { maximumAttempts }),
    },
  };
}

/** The worker puts code, kind and remedy on the failure (worker/activity-interceptor.ts); a time-out has none of them. */
export function faultFrom(step: string, error: unknown): FaultNote {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure && cause.type?.startsWith('KEYTURN_')) {
    const [told] = (cause.details ?? []) as Partial<FaultNote>[];
    return { kind: 'terminal', remedy: '', ...told, code: cause.type, message: cause.message };
  }
  if (cause instanceof TimeoutFailure) return fault('KEYTURN_STEP_LOST', step).toJSON();
  const what = cause instanceof Error ? cause.message : 'an unknown failure';
  return fault('KEYTURN_INTERNAL', `${step}: ${what}`).toJSON();
}
