import {
  type ActivityOptions,
  ApplicationFailure,
  allHandlersFinished,
  condition,
  log,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { fault, type KeyturnError } from '../errors/keyturn-error.ts';
import { changedFields, fixedFieldChange } from '../policy/changes.ts';
import { isDue } from '../policy/instant.ts';
import { nextRotation } from '../policy/lifecycle.ts';
import type { Policy } from '../policy/policy.ts';
import { type PolicyState, upgraded } from '../policy/state.ts';
import { type Attention, statusOf } from '../policy/status.ts';
import * as after from '../policy/transitions.ts';
import { detailsOf } from './details.ts';
import { durableSteps, faultFrom } from './durable-steps.ts';
import * as messages from './messages.ts';
import { continueOnCurrentBuild, watchBuild } from './move-on.ts';
import { type Life, liveOn, type Surroundings } from './policy-life.ts';
import { showSearchAttributes } from './visibility.ts';

/**
 * None of them is a local activity. Those end in another order in a replay than in life, where a second one or a message
 * is beside them: then the replay differs from history, and the policy is stuck (test/process/hand-over.test.ts).
 *
 * They take milliseconds, so they go before the steps of other policies, which wait their turn with OpenRouter.
 */
const brief = { startToCloseTimeout: '10 seconds', priority: { priorityKey: 1 } } satisfies ActivityOptions;

// Tried for ever: a policy whose next run cannot be planned right now must not end.
const { planRun } = proxyActivities<Pick<Activities, 'planRun'>>({ ...brief, summary: 'plan the next rotation' });
const { confirmRun } = proxyActivities<Pick<Activities, 'confirmRun'>>({
  ...brief,
  summary: 'ask again when the rotation is due, by the time zone rules of today',
});

/** Somebody waits for the answer. */
const { checkPolicy } = proxyActivities<Pick<Activities, 'checkPolicy'>>({
  ...brief,
  scheduleToCloseTimeout: '1 minute',
  summary: 'check the policy',
});

/** A workflow that was started without a policy ends after this long. */
const firstApplyTimeoutMs = 60_000;

/**
 * One rotation policy, for as long as it lives. A run is one cycle: sleep until something is due, do it, continue as
 * new with the state. Messages only change the state, which wakes the loop; `refresh` only wakes it, for the next run.
 */
export async function rotationPolicy(passedOn: PolicyState): Promise<void> {
  const life: Life = { state: upgraded(passedOn), running: null, confirmedRun: null };
  let stuck: Attention | null = null;
  let refused = false;
  /** Not part of the state: it is for this run, and the next one has not been asked. */
  let refreshAsked = false;
  const isOutdated = watchBuild();
  const statusNow = () => statusOf(life.state, { running: life.running, stuck }, now());

  setHandler(messages.status, statusNow);
  setHandler(messages.history, () => life.state.history);
  setHandler(messages.next, () => {
    const { policy, next } = statusNow();
    return { schedule: policy?.schedule ?? null, next };
  });

  setHandler(messages.pause, (request) => {
    life.state = after.afterPause(life.state, request?.reason ?? null, now());
  });
  setHandler(messages.resume, () => {
    life.state = after.afterResume(life.state, now());
  });
  setHandler(messages.refresh, () => {
    refreshAsked = true;
  });
  setHandler(messages.rotateNow, (request) => {
    const refusal = refusalOfRequest(life.state);
    if (refusal === null) life.state = requested(life.state, request);
    else log.warn('rotateNow was not taken', { code: refusal.code });
  });
  setHandler(
    messages.rotate,
    (request) => {
      life.state = requested(life.state, request);
      return ticketOf(life, request.requestId);
    },
    { validator: (_request) => throwIf(refusalOfRequest(life.state)) },
  );
  setHandler(
    messages.endPolicy,
    ({ mode }) => {
      life.state = after.afterEnding(life.state, mode, now());
    },
    { validator: (_request) => throwIf(refusalOfRequest(life.state)) },
  );
  setHandler(
    messages.applyPolicy,
    async (policy) => {
      try {
        await checkPolicy(policy);
      } catch (error) {
        refused = true;
        const { code, kind, message, remedy } = faultFrom('checkPolicy', error);
        throw ApplicationFailure.create({ type: code, message, nonRetryable: true, details: [{ kind, remedy }] });
      }
      // Asked again: another apply may have been taken while the worker was asked.
      throwIf(refusalOfPolicy(life.state, policy));
      const before = life.state.policy;
      life.state = after.afterApply(life.state, policy, now(), newRotationId());
      if (before !== null) return { created: false, changed: changedFields(before, policy), rotationId: null };
      return { created: true, changed: [], rotationId: life.state.pending?.rotationId ?? null };
    },
    { validator: (policy) => throwIf(refusalOfPolicy(life.state, policy)) },
  );

  function show(): void {
    const status = statusNow();
    setCurrentDetails(detailsOf(status));
    showSearchAttributes(status);
  }

  const steps = durableSteps({
    report: (step) => {
      if (life.running === null) return;
      const others = life.running.steps.filter(({ state: progress }) => progress !== 'running');
      life.running = { ...life.running, steps: [...others, step] };
      show();
    },
    stuck: (trouble) => {
      stuck = trouble && { ...trouble.fault, message: `Cannot ${trouble.doing}: ${trouble.fault.message}` };
      show();
    },
  });
  const around: Surroundings = {
    steps,
    planning: { planRun, confirmRun },
    now,
    newRotationId,
    sleep: (until, because, changed) => sleep(until, because, () => changed() || refreshAsked || isOutdated()),
    show,
  };

  await condition(() => life.state.policy !== null || refused, firstApplyTimeoutMs);
  for (;;) {
    const did = await liveOn(life, around);
    if (did === 'idle' && !refreshAsked && !isOutdated() && !workflowInfo().continueAsNewSuggested) continue;
    // An update that was accepted but not finished would die with this run (design §11).
    await condition(allHandlersFinished);
    if (did !== 'ended') await continueOnCurrentBuild<typeof rotationPolicy>(life.state);
    // Unless an apply was taken beside the first one, which was refused.
    if (life.state.policy === null || life.state.ending !== null) return;
  }
}

async function sleep(until: string | null, because: string, changed: () => boolean): Promise<void> {
  if (until === null) await condition(changed);
  else {
    const summary = `until ${because}`.slice(0, 250);
    await condition(changed, Math.max(1, Date.parse(until) - Date.now()), { summary });
  }
}

function requested(state: PolicyState, request: messages.RotateRequest): PolicyState {
  const { requestId, reason, endGrace = false } = request;
  return after.afterRequest(state, { requestId, rotationId: newRotationId(), reason, endGrace }, now());
}

function ticketOf({ state, running }: Life, requestId: string): messages.Ticket {
  const rotationId = state.requests.find((seen) => seen.requestId === requestId)?.rotationId ?? '';
  const waits = (waitsUntil: string | null, because: string) => ({ rotationId, waitsUntil, because });
  if (running !== null) return waits(null, 'a rotation is under way; this one follows it');
  const start = nextRotation(state, now());
  return start === null || isDue(start.at, now()) ? waits(null, 'it starts now') : waits(start.at, start.because);
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
