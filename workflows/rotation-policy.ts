import {
  type ActivityOptions,
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  log,
  proxyActivities,
  setCurrentDetails,
  setDefaultSignalHandler,
  setHandler,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { fault, type KeyturnError } from '../errors/keyturn-error.ts';
import { Unreadable } from '../errors/unreadable.ts';
import type { Policy } from '../policy/declared/policy.ts';
import { bounded } from '../policy/life/bounds.ts';
import { at } from '../policy/life/duty.ts';
import { migratedState } from '../policy/life/migrations.ts';
import type { LiveKey, StepReport, Undoing, UndoStep } from '../policy/life/state.ts';
import { historyOf, type LeftBehind, leftBehind, statusOf } from '../policy/life/status.ts';
import * as after from '../policy/life/transitions.ts';
import { detailsOf } from './details.ts';
import { admit, hearSignal, type MessageName, type Moment, take } from './inbox.ts';
import * as messages from './messages.ts';
import { continueOnCurrentBuild, watchBuild } from './move-on.ts';
import { cancelMessage, type PolicyRun, passOn, type Waiting, waitForNewerWorker } from './newer-state.ts';
import { type Life, liveOn, newLife, type Surroundings } from './policy-life.ts';
import { durableSteps, faultFrom, inTurn, stoppableSteps } from './saga/durable-steps.ts';
import { rotate } from './saga/rotate.ts';
import { askedFor, heartbeatTimeoutMs } from './saga/step-table.ts';
import { showSearchAttributes } from './visibility.ts';

/**
 * None of them, nor any step, is a local activity. Those end in another order in a replay than in life, where a second one
 * or a message is beside them: then the replay differs from history, and the policy is stuck
 * (test/process/hand-over.test.ts).
 */
const brief = { startToCloseTimeout: '10 seconds', priority: { priorityKey: 1 } } satisfies ActivityOptions;

/** Somebody waits for the answer. */
const { checkPolicy } = proxyActivities<Pick<Activities, 'checkPolicy'>>({
  ...brief,
  scheduleToCloseTimeout: '1 minute',
  summary: 'check the policy',
});

const { sealAnew } = proxyActivities<Pick<Activities, 'sealAnew'>>({
  ...brief,
  scheduleToCloseTimeout: '1 minute',
  summary: 'seal what the state holds with the active key of the keyring',
});

/** A workflow that was started without a policy ends after this long. */
const firstApplyTimeoutMs = 60_000;

/**
 * A run as long as this stops its rotation, undoes it and goes on in a new one: Temporal ends a workflow at 51,200 events
 * or 50 MB, and a flood of messages can reach that within one rotation.
 */
const mostEvents = 20_000;
const mostHistoryBytes = 20 * 1024 * 1024;

/**
 * After this many events a run that has done something goes on in a new one. A cycle (sleep, rotate, revoke the former key)
 * takes about a hundred: a run holds a few, so that what is done costs no new run, and one that wakes is replayed in
 * milliseconds.
 */
const longRun = 300;

/**
 * One rotation policy, for as long as it lives: sleep until something is due, do it, and now and then continue as new with
 * the state. Messages only change the state, which wakes the loop; `refresh` only wakes it, for the next run.
 *
 * Its result says what a detached policy leaves behind; null where it was deleted with its keys, or never applied.
 *
 * @param passedOn a `PolicyState` of this or an older version; of a newer one, the run waits and passes it on
 */
export async function rotationPolicy(passedOn: unknown, waiting?: Waiting): Promise<LeftBehind | null> {
  // A cancellation of the workflow is a message like others: it tears nothing apart (`afterCancel`).
  const cancelled = CancellationScope.current().cancelRequested;
  return CancellationScope.nonCancellable(async () => {
    if (waiting !== undefined) await waitForNewerWorker(passedOn, waiting, cancelled);
    const migrated = migratedState(passedOn);
    if (migrated.is === 'newer') return passOn(passedOn, waiting, cancelled);
    if (migrated.is === 'unreadable') throw unreadable(passedOn);
    const life = newLife(migrated.value);
    for (const { name, input } of waiting?.held ?? []) {
      if (name === cancelMessage) life.state = after.afterCancel(life.state, now());
      else hearSignal(life, name, input, moment());
    }
    return live(life, cancelled, beganBefore3(passedOn));
  });
}

/**
 * Runs of version 1 and 2 continued as new after whatever they had done, and are replayed as they were: a run keeps to the
 * rule that it began under, which the number of the state it was given tells.
 */
function beganBefore3(passedOn: unknown): boolean {
  return ((passedOn as { version?: number }).version ?? 1) < 3;
}

async function live(life: Life, cancelled: Promise<never>, oneCycle: boolean): Promise<LeftBehind | null> {
  let refused = false;
  const isOutdated = watchBuild();
  const statusNow = () => statusOf(life.state, life.running, now());

  function show(): void {
    const status = statusNow();
    setCurrentDetails(detailsOf(status));
    showSearchAttributes(status);
  }

  const report = (step: StepReport) => {
    if (life.running === null) return;
    const others = life.running.steps.filter(({ state: progress }) => progress !== 'running');
    life.running = { ...life.running, steps: [...others, step] };
    // Where a step ends, the next begins in the same turn. Of all that is shown, steps change nothing but the details.
    if (step.state === 'running') setCurrentDetails(detailsOf(statusNow()));
  };

  /** How to stop what is under way, if anything is. */
  let stopRotation = () => {};
  let stopDuty = () => {};

  setHandler(messages.status, statusNow);
  setHandler(messages.history, () => historyOf(life.state));
  setHandler(messages.next, () => {
    const { policy, next } = statusNow();
    return { schedule: policy?.schedule ?? null, next };
  });

  // Asked after each message, in place of a condition: that is kept by every policy that sleeps, and takes 10 KB.
  const stopWhereAsked = () => {
    if (life.state.ending !== null || isTooLong()) stopRotation();
    // Nothing more is done of what waits to be tried again.
    if (life.state.ending?.mode === 'detach') stopDuty();
  };
  const hear = (name: string, input: unknown) => {
    const dropped = hearSignal(life, name, input, moment());
    stopWhereAsked();
    if (dropped !== null) log.warn('a signal was not taken', { signal: name.slice(0, 60), code: dropped.code });
  };
  setHandler(messages.rotateNow, (input) => hear('rotateNow', input));
  setHandler(messages.pause, (input) => hear('pause', input));
  setHandler(messages.resume, () => hear('resume', null));
  setHandler(messages.refresh, () => hear('refresh', null));
  setDefaultSignalHandler((name) => hear(name, null));
  setHandler(messages.rotate, (input) => take(life, 'rotate', admitted(life, 'rotate', input), moment()), {
    validator: (input) => void admitted(life, 'rotate', input),
  });
  setHandler(
    messages.endPolicy,
    (input) => {
      take(life, 'endPolicy', admitted(life, 'endPolicy', input), moment());
      stopWhereAsked();
    },
    { validator: (input) => void admitted(life, 'endPolicy', input) },
  );
  setHandler(
    messages.applyPolicy,
    async (sent, options) => {
      try {
        const { lookForKeys = false, newKey = false, removed } = options ?? {};
        const isFirst = life.state.policy === null;
        const checked = await checkPolicy({
          policy: admitted(life, 'applyPolicy', sent),
          isFirst,
          at: now(),
          lookForKeys: lookForKeys === true,
        });
        const { policy, plan, warnings = [] } = checked;
        const liveKeys = checked.lookForKeys
          ? await findLiveKeys(life, policy, isFirst && newKey !== true)
          : (checked.liveKeys ?? []);
        // Asked again: another apply may have been taken while the worker was asked.
        const around = { ...moment(), plan, removed: removed === 'clean' ? ('clean' as const) : ('leave' as const) };
        const applied = take(life, 'applyPolicy', admitted(life, 'applyPolicy', policy), around);
        return { ...applied, liveKeys, warnings };
      } catch (error) {
        refused = true;
        // Whatever the check said: a cancellation of the workflow ends it as well.
        if (life.state.ending !== null) throw failureFrom(fault('KEYTURN_POLICY_ENDING', life.state.name));
        throw error instanceof ApplicationFailure ? error : failureFrom(faultFrom('checkPolicy', error));
      }
    },
    { validator: (sent, _options) => void admitted(life, 'applyPolicy', sent) },
  );

  const mustMoveOn = () => life.refreshAsked || isOutdated() || workflowInfo().continueAsNewSuggested;
  const around: Surroundings = {
    steps: () => {
      const { steps, stop } = stoppableSteps(report);
      stopDuty = stop;
      return steps;
    },
    rotate: (rotation) => {
      const { stop, ...ways } = durableSteps(report);
      stopRotation = stop;
      return rotate(rotation, ways);
    },
    now,
    newRotationId,
    sleep: (until, because, changed) => sleep(until, because, () => changed() || mustMoveOn()),
    show,
  };
  cancelled.catch(() => {
    life.state = after.afterCancel(life.state, now());
    stopWhereAsked();
  });

  await condition(() => life.state.policy !== null || life.state.ending !== null || refused, firstApplyTimeoutMs);
  for (;;) {
    const did = await liveOn(life, around);
    const isOver = did === 'acted' && (oneCycle || workflowInfo().historyLength > longRun);
    if (did !== 'ended' && !isOver && !mustMoveOn()) continue;
    if (did !== 'ended' && life.refreshAsked) await sealAllAnew(life);
    // An update that was accepted but not finished would die with this run (design §11).
    await condition(allHandlersFinished);
    if (did !== 'ended') await continueOnCurrentBuild<PolicyRun>(bounded(life.state));
    // Unless an apply was taken beside the first one, which was refused.
    if (life.state.policy === null || life.state.ending !== null) break;
  }
  return life.state.ending?.mode === 'detach' ? leftBehind(life.state, now()) : null;
}

function isTooLong(): boolean {
  const { historyLength, historySize } = workflowInfo();
  return historyLength > mostEvents || historySize > mostHistoryBytes;
}

/** Takes a turn with OpenRouter for each page of keys; whoever applies waits for it. */
function findLiveKeys({ state }: Life, { name, connection, key }: Policy, refuse: boolean): Promise<LiveKey[]> {
  const known = [...(state.current === null ? [] : [state.current]), ...state.retiring].map(({ hash }) => hash);
  const activities = proxyActivities<Pick<Activities, 'findLiveKeys'>>({
    ...inTurn(connection, askedFor),
    startToCloseTimeout: '1 minute',
    scheduleToCloseTimeout: '5 minutes',
    heartbeatTimeout: heartbeatTimeoutMs,
    summary: 'look for live keys that a policy of this name has left',
  });
  const { workspace, name: keyName } = key;
  return activities.findLiveKeys({ policy: name, connection, workspace, keyName, known, refuse });
}

/** What was sealed with a key of the keyring that is to be removed moves to the active one. */
async function sealAllAnew(life: Life): Promise<void> {
  const { current, undoing, name } = life.state;
  try {
    if (current !== null && current.sealed !== null) {
      const { rotationId, sealed } = current;
      const anew = await sealAnew({ policy: name, rotationId, sealed });
      if (life.state.current?.hash === current.hash) {
        life.state = { ...life.state, current: { ...current, sealed: anew } };
      }
    }
    if (undoing !== null) await sealMementosAnew(life, undoing);
  } catch (error) {
    log.warn('what the state holds stays sealed as it was', { code: faultFrom('sealAnew', error).code });
  }
}

async function sealMementosAnew(life: Life, undoing: Undoing): Promise<void> {
  const { rotationId } = undoing;
  const policy = life.state.name;
  const steps: UndoStep[] = [];
  for (const step of undoing.steps) {
    const isSealed = step.undo === 'write' && typeof step.before === 'string';
    if (!isSealed) steps.push(step);
    else {
      const place = at(policy, step.place);
      steps.push({ ...step, before: await sealAnew({ policy, rotationId, sealed: step.before as string, place }) });
    }
  }
  if (life.state.undoing === undoing) life.state = { ...life.state, undoing: { ...undoing, steps } };
}

async function sleep(until: string | null, because: string, changed: () => boolean): Promise<void> {
  if (until === null) await condition(changed);
  else {
    const summary = `until ${because}`.slice(0, 250);
    await condition(changed, Math.max(1, Date.parse(until) - Date.now()), { summary });
  }
}

function admitted<Name extends MessageName>(life: Life, name: Name, input: unknown) {
  const heard = admit(life, name, input);
  if ('refused' in heard) throw failureFrom(heard.refused);
  return heard.value;
}

function failureFrom({
  code,
  kind,
  message,
  remedy,
}: Pick<KeyturnError, 'message' | 'remedy'> & { code: string; kind: string }) {
  return ApplicationFailure.create({ type: code, message, nonRetryable: true, details: [{ kind, remedy }] });
}

/**
 * Started by hand with something that is no state: there is no policy that could be lost. But a state that this worker
 * cannot decrypt waits, by failing its workflow task, for a worker with the right keyring.
 */
function unreadable(passedOn: unknown): Error {
  if (passedOn instanceof Unreadable) return new Error(`the state of the policy ${passedOn.why}`);
  return ApplicationFailure.nonRetryable('a rotation policy is started by keyturn apply', 'KEYTURN_USAGE');
}

function moment(): Moment {
  return { now: now(), newId: newRotationId };
}

/** Short enough to read and to fit into a key's name; unique within a policy. */
function newRotationId(): string {
  return `r${uuid4().replaceAll('-', '').slice(0, 12)}`;
}

function now(): string {
  return new Date(Date.now()).toISOString();
}
