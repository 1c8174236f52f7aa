import type { Policy } from '../../policy/declared/policy.ts';
import { bounded, bytesOf, maxStateBytes } from '../../policy/life/bounds.ts';
import { migratedState } from '../../policy/life/migrations.ts';
import type { Rotation } from '../../policy/life/rotation.ts';
import { newPolicyState, type PolicyState, type RotationReason, type RotationRecord } from '../../policy/life/state.ts';
import { lastRotation } from '../../policy/life/status.ts';
import { afterCancel } from '../../policy/life/transitions.ts';
import type { Instant } from '../../policy/time/instant.ts';
import type { Run } from '../../policy/time/schedule.ts';
import { admit, hearSignal, type MessageName, take } from '../../workflows/inbox.ts';
import { liveOn, newLife } from '../../workflows/policy-life.ts';
import { rotate } from '../../workflows/saga/rotate.ts';
import type { Steps, Ways } from '../../workflows/saga/steps.ts';
import type { Clock } from './clock.ts';
import type { Mutation } from './mutations.ts';
import { asVersion1 } from './older-states.ts';

export type EntityOptions = {
  clock: Clock;
  /** Of a rotation, and how it is told to stop. */
  ways: Ways;
  stop: () => void;
  /** Of another duty, and how the one that is under way is told to stop. */
  steps: () => Steps;
  stopDuty: () => void;
  /** What the time zone rules of the day make of a run. */
  byTheRules: (run: Run) => Run;
  mutation: Mutation;
  /** Whether older code passes the state on this time. */
  older?: () => boolean;
  onDeclared: (policy: Policy) => void;
  /** Default: a new policy's. */
  state?: PolicyState;
  /** Workflow code runs only while a worker does. */
  workerUp: () => Promise<void>;
  newRotationId: () => string;
  /** A rotation begins; and it has ended with a record in history. */
  onBegin: (rotationId: string, reason: RotationReason) => void;
  onEnd: (record: RotationRecord) => void;
  trace: (what: string) => void;
};

/** A policy that lives. `ended` resolves when its workflow would have completed. */
export type Entity = {
  state(): PolicyState;
  rotating(): boolean;
  apply(policy: Policy): Promise<void>;
  /** Any message with any input, as soon as a worker hears of it; what is not taken is dropped or refused. */
  send(name: string, input?: unknown): Promise<void>;
  /** Its workflow is cancelled. */
  cancel(): Promise<void>;
  ended: Promise<void>;
};

const mostStepsAtOnce = 200;

function isUpdate(name: string): name is MessageName {
  return ['rotate', 'endPolicy', 'applyPolicy'].includes(name);
}

/** The policy's own loop (workflows/policy-life.ts), round by round, without Temporal. */
export function startEntity(name: string, options: EntityOptions): Entity {
  const { clock, ways, workerUp, newRotationId, trace, byTheRules } = options;
  const life = newLife(options.state ?? newPolicyState(name));
  let wake = () => {};
  function byTheRulesOfToday(steps: Steps): Steps {
    return {
      ...steps,
      planRun: async (input) => {
        const { anchorDate, run } = await steps.planRun(input);
        return { anchorDate, run: byTheRules(run) };
      },
      confirmRun: async (input) => {
        const { next } = life.state;
        return options.mutation.neverConfirms && next !== null ? next : byTheRules(await steps.confirmRun(input));
      },
    };
  }

  async function hear(change: (now: Instant) => void): Promise<void> {
    await workerUp();
    change(clock.instant());
    if (life.state.ending !== null) options.stop();
    if (life.state.ending?.mode === 'detach') options.stopDuty();
    wake();
  }

  function send(message: string, input?: unknown): Promise<void> {
    return hear((now) => {
      const moment = { now, newId: newRotationId };
      if (!isUpdate(message)) {
        hearSignal(life, message, input, moment);
        return;
      }
      const admitted = admit(life, message, input);
      if (!('value' in admitted)) return;
      take(life, message, admitted.value as never, moment);
      if (life.state.policy !== null) options.onDeclared(life.state.policy);
    });
  }

  let runs = 0;

  /**
   * From run to run the state crosses as JSON, no larger than it may be, and older code may have written it. Now and
   * then is enough: it takes as long as a rotation.
   */
  function passOn(): void {
    life.refreshAsked = false;
    const older = options.older?.() === true ? asVersion1(life.state) : null;
    if (runs++ % 20 > 0 && older === null) return;
    const sent = bounded(life.state);
    if (bytesOf(sent) > maxStateBytes) throw new Error(`the state has ${bytesOf(sent)} bytes`);
    const migrated = migratedState(JSON.parse(JSON.stringify(older ?? sent)));
    if (migrated.is !== 'known') throw new Error(`the state is ${migrated.is}`);
    Object.assign(life, newLife(migrated.value));
  }

  async function live(): Promise<void> {
    let roundsNow = 0;
    let lastMs = clock.now();
    const begun: { rotationId: string | null } = { rotationId: null };
    const around = {
      steps: () => byTheRulesOfToday(options.steps()),
      rotate: (rotation: Rotation) => rotate(rotation, ways),
      now: clock.instant,
      newRotationId,
      sleep,
      show,
    };
    function show() {
      if (life.running === null || life.running.rotationId === begun.rotationId) return;
      begun.rotationId = life.running.rotationId;
      trace(`rotates (${life.running.reason.kind})`);
      options.onBegin(life.running.rotationId, life.running.reason);
    }
    for (;;) {
      roundsNow = clock.now() === lastMs ? roundsNow + 1 : 0;
      lastMs = clock.now();
      if (roundsNow > mostStepsAtOnce) throw new Error(`livelock: ${JSON.stringify(life.state)}`);
      if (life.state.policy === null) {
        await sleep(null);
        continue;
      }
      const before = life.state;
      const did = await liveOn(life, around);
      if (options.mutation.state !== undefined) life.state = options.mutation.state(life.state, before);
      if (did === 'ended') return;
      if (did === 'acted' || life.refreshAsked) passOn();
      if (did === 'acted') trace(`acted; last in history: ${life.state.history.at(-1)?.event}`);
      const record = lastRotation(life.state);
      if (record === null || record.rotationId !== begun.rotationId) continue;
      trace(`  ${record.event}${record.fault === null ? '' : `: ${record.fault.message}`}`);
      begun.rotationId = null;
      options.onEnd(record);
    }
  }

  async function sleep(until: string | null): Promise<void> {
    await new Promise<void>((resolve) => {
      const alarm = until === null ? null : clock.after(Math.max(1, Date.parse(until) - clock.now()), resolve);
      wake = () => {
        if (alarm !== null) alarm.run = null;
        resolve();
      };
    });
    wake = () => {};
    await workerUp();
  }

  return {
    state: () => life.state,
    rotating: () => life.running !== null,
    apply: (policy) => send('applyPolicy', policy),
    send,
    cancel: () =>
      hear((now) => {
        life.state = afterCancel(life.state, now);
      }),
    ended: live(),
  };
}
