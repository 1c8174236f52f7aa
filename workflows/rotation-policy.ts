import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  log,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { fault, type KeyturnError } from '../errors/keyturn-error.ts';
import { changedFields, fixedFieldChange } from '../policy/changes.ts';
import { type NextStep, nextStep } from '../policy/lifecycle.ts';
import type { Policy } from '../policy/policy.ts';
import { type PolicyState, type RetiringKey, upgraded } from '../policy/state.ts';
import { type Attention, type RunningRotation, statusOf } from '../policy/status.ts';
import * as after from '../policy/transitions.ts';
import { detailsOf } from './details.ts';
import { durableSteps, faultFrom } from './durable-steps.ts';
import * as messages from './messages.ts';
import { rotate } from './rotate.ts';
import { faultOf } from './steps.ts';
import { showSearchAttributes } from './visibility.ts';

const planning = proxyLocalActivities<Pick<Activities, 'planRun' | 'confirmRun' | 'checkPolicy'>>({
  startToCloseTimeout: '10 seconds',
  scheduleToCloseTimeout: '1 minute',
});

/** A workflow that was started without a policy ends after this long. */
const firstApplyTimeoutMs = 60_000;

/**
 * One rotation policy, for as long as it lives. A run is one cycle: sleep until something is due, do it, continue as
 * new with the state. What is due is decided by `nextStep`; what follows from it by the transitions of policy/.
 */
export async function rotationPolicy(passedOn: PolicyState): Promise<void> {
  let state = upgraded(passedOn);
  let running: RunningRotation | null = null;
  let stuck: Attention | null = null;
  let refused = false;
  let confirmedRun: string | null = null;

  setHandler(messages.status, () => statusOf(state, { running, stuck }, now()));
  setHandler(messages.history, () => state.history);
  setHandler(messages.next, () => {
    const { next, because } = statusOf(state, { running, stuck }, now());
    const anchorDate = state.anchor !== null && 'date' in state.anchor ? state.anchor.date : null;
    return { schedule: state.policy?.schedule ?? null, anchorDate, next, because };
  });

  setHandler(messages.pause, (request) => {
    state = after.afterPause(state, request?.reason ?? null, now());
  });
  setHandler(messages.resume, () => {
    state = after.afterResume(state, now());
  });
  setHandler(messages.rotateNow, (request) => {
    const refusal = refusalOfRequest(state);
    if (refusal === null) state = requested(state, request);
    else log.warn('rotateNow was not taken', { code: refusal.code });
  });
  setHandler(
    messages.rotate,
    (request) => {
      state = requested(state, request);
      return ticketOf(state, request.requestId, running);
    },
    { validator: (_request) => throwIf(refusalOfRequest(state)) },
  );
  setHandler(
    messages.applyPolicy,
    async (policy) => {
      try {
        await planning.checkPolicy(policy);
      } catch (error) {
        refused = true;
        const { code, kind, message, remedy } = faultFrom('checkPolicy', error);
        throw ApplicationFailure.create({ type: code, message, nonRetryable: true, details: [{ kind, remedy }] });
      }
      // Asked again: another apply may have been taken while the worker was asked.
      throwIf(refusalOfPolicy(state, policy));
      const before = state.policy;
      state = after.afterApply(state, policy, now(), newRotationId());
      const rotationId = before === null ? (state.pending?.rotationId ?? null) : null;
      return { created: before === null, changed: before === null ? [] : changedFields(before, policy), rotationId };
    },
    { validator: (policy) => throwIf(refusalOfPolicy(state, policy)) },
  );
  setHandler(
    messages.endPolicy,
    ({ mode }) => {
      state = after.afterEnding(state, mode, now());
    },
    { validator: (_request) => throwIf(refusalOfRequest(state)) },
  );

  const steps = durableSteps({
    report: (step) => {
      if (running === null) return;
      const others = running.steps.filter(({ state: progress }) => progress !== 'running');
      running = { ...running, steps: [...others, step] };
      show();
    },
    stuck: (trouble) => {
      stuck = trouble && { ...trouble.fault, message: `Cannot ${trouble.doing}: ${trouble.fault.message}` };
      show();
    },
  });

  function show(): void {
    const status = statusOf(state, { running, stuck }, now());
    setCurrentDetails(detailsOf(status));
    showSearchAttributes(status);
  }

  await condition(() => state.policy !== null || refused, firstApplyTimeoutMs);
  for (;;) {
    const { policy } = state;
    if (policy === null) break;
    await plan(policy);
    const step = nextStep(state, now());
    show();
    if (step.do === 'end') break;
    if (step.do === 'sleep') await sleep(step);
    else if (await isConfirmed(policy, step)) {
      await carryOut(policy, step);
      await handOver();
    }
    if (workflowInfo().continueAsNewSuggested) await handOver();
  }
  await condition(allHandlersFinished);

  /** Wakes at the time, or when a message has changed the state. */
  async function sleep({ until, because }: NextStep & { do: 'sleep' }): Promise<void> {
    const asleep = state;
    const changed = () => state !== asleep;
    if (until === null) await condition(changed);
    else
      await condition(changed, Math.max(1, Date.parse(until) - Date.now()), {
        summary: `until ${because}`.slice(0, 250),
      });
  }

  async function plan(policy: Policy): Promise<void> {
    if (!policy.autoRotate || state.next !== null || state.anchor === null || state.ending !== null) return;
    const { schedule } = policy;
    const { anchorDate, run } = await planning.planRun({ schedule, anchor: state.anchor, after: now() });
    if (state.policy === policy) state = { ...state, anchor: { date: anchorDate }, next: run };
  }

  /** Time zone rules change while a policy sleeps: a scheduled run is asked for again when it is due, never run early. */
  async function isConfirmed(policy: Policy, step: NextStep): Promise<boolean> {
    if (step.do !== 'rotate' || step.pending !== null || state.next === null) return true;
    if (confirmedRun === state.next.utc) return true;
    const run = await planning.confirmRun({ schedule: policy.schedule, date: state.next.date });
    if (state.policy !== policy || state.next === null) return false;
    state = { ...state, next: run };
    confirmedRun = run.utc;
    return false;
  }

  async function carryOut(policy: Policy, step: Exclude<NextStep, { do: 'sleep' | 'end' }>): Promise<void> {
    switch (step.do) {
      case 'rotate':
        return runRotation(policy, step);
      case 'disable':
        return retire(step.key, async () => {
          const { gone } = await steps.disableKey(retirement(policy, step.key));
          const note = gone ? 'it was deleted outside Keyturn' : '';
          state = gone
            ? after.afterDeleted(state, step.key, note, now())
            : after.afterDisabled(state, step.key, quarantineMs(policy), note, now());
        });
      case 'delete':
        return retire(step.key, async () => {
          const { gone } = await steps.deleteKey(retirement(policy, step.key));
          state = after.afterDeleted(state, step.key, gone ? 'it was gone already' : '', now());
        });
      case 'sweep':
        return sweep(policy, step);
      case 'clear-stores':
        return clearStores(policy);
    }
  }

  async function runRotation(policy: Policy, { pending, reason }: NextStep & { do: 'rotate' }): Promise<void> {
    const rotationId = pending?.rotationId ?? newRotationId();
    const attempt = pending?.attempt ?? 1;
    const startedAt = now();
    const generation = (state.current?.generation ?? 0) + 1;
    state = after.afterStart(state);
    running = { rotationId, reason, attempt, startedAt, steps: [] };
    show();
    // A rotation that has begun ends published or undone, whatever is cancelled meanwhile.
    const outcome = await CancellationScope.nonCancellable(() => rotate({ id: rotationId, policy, generation }, steps));
    const result = { ...outcome, rotationId, reason, attempt, startedAt, steps: running.steps };
    state = after.afterRotation(state, policy, result, now());
    running = null;
  }

  async function retire(key: RetiringKey, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      state = after.afterRetirementBlocked(state, key, faultOf(error), now());
    }
  }

  function retirement(policy: Policy, key: RetiringKey) {
    const { name, connection, secret } = policy;
    const { generation, hash, digest } = key;
    const successor = state.current && {
      generation: state.current.generation,
      hash: state.current.hash,
      digest: state.current.digest,
    };
    const { stores } = secret;
    return { policy: name, connection, key: { generation, hash, digest }, successor, stores, secret: secret.name };
  }

  function quarantineMs(policy: Policy): number {
    return state.ending?.mode === 'destroy' ? 0 : policy.quarantineMs;
  }

  async function sweep(policy: Policy, { watched }: NextStep & { do: 'sweep' }): Promise<void> {
    const { connection, key } = policy;
    const { marker } = watched;
    try {
      const { found } = await steps.reapKey({
        connection,
        workspace: key.workspace,
        marker,
        hash: null,
        patient: false,
      });
      state = after.afterSweep(state, watched, found, now());
    } catch {
      state = after.afterSweepFailed(state, watched, now());
    }
  }

  async function clearStores(policy: Policy): Promise<void> {
    try {
      for (const store of policy.secret.stores) {
        await steps.removeSecret({ policy: policy.name, store, secret: policy.secret.name });
      }
      state = after.afterStoresCleared(state, now());
    } catch (error) {
      state = after.afterClearingBlocked(state, faultOf(error), now());
    }
  }

  /** The next cycle begins in a run of its own: short histories, and it can pick up new code. */
  async function handOver(): Promise<never> {
    // An update that was accepted but not finished would die with this run (design §11).
    await condition(allHandlersFinished);
    return continueAsNew<typeof rotationPolicy>(state);
  }
}

function requested(state: PolicyState, request: messages.RotateRequest): PolicyState {
  const { requestId, reason, endGrace = false } = request;
  return after.afterRequest(state, { requestId, rotationId: newRotationId(), reason, endGrace }, now());
}

function ticketOf(state: PolicyState, requestId: string, running: RunningRotation | null): messages.Ticket {
  const rotationId = state.requests.find((seen) => seen.requestId === requestId)?.rotationId ?? '';
  if (running !== null)
    return { rotationId, waitsUntil: null, because: 'a rotation is under way; this one follows it' };
  const step = nextStep(state, now());
  return step.do === 'sleep'
    ? { rotationId, waitsUntil: step.until, because: step.because }
    : { rotationId, waitsUntil: null, because: 'it starts now' };
}

function refusalOfRequest(state: PolicyState): KeyturnError | null {
  if (state.policy === null) return fault('KEYTURN_POLICY_UNKNOWN', state.name, []);
  return state.ending === null ? null : fault('KEYTURN_POLICY_ENDING', state.name);
}

function refusalOfPolicy(state: PolicyState, policy: Policy): KeyturnError | null {
  if (state.ending !== null) return fault('KEYTURN_POLICY_ENDING', state.name);
  const change = fixedFieldChange(state.policy ?? { ...policy, name: state.name }, policy);
  return change === null ? null : fault('KEYTURN_POLICY_FIXED', change.field, change.held, change.asked);
}

function throwIf(refusal: KeyturnError | null): void {
  if (refusal === null) return;
  const { code, kind, message, remedy } = refusal;
  throw ApplicationFailure.create({ type: code, message, nonRetryable: true, details: [{ kind, remedy }] });
}

/** Short enough to read and to fit into a key's name; unique within a policy. */
function newRotationId(): string {
  return `r${uuid4().replaceAll('-', '').slice(0, 12)}`;
}

function now(): string {
  return new Date(Date.now()).toISOString();
}
