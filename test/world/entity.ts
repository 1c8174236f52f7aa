import { confirmRun, planRun } from '../../activities/plan-run.ts';
import type { Policy } from '../../policy/policy.ts';
import { newPolicyState, type PolicyState, type RotationReason, type RotationRecord } from '../../policy/state.ts';
import { lastRotation } from '../../policy/status.ts';
import * as after from '../../policy/transitions.ts';
import { type Life, liveOn } from '../../workflows/policy-life.ts';
import type { Steps } from '../../workflows/steps.ts';
import type { Clock } from './clock.ts';

export type EntityOptions = {
  clock: Clock;
  steps: Steps;
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
  /** What a message does to the state, as soon as a worker hears of it. */
  tell(change: (state: PolicyState, now: string) => PolicyState): Promise<void>;
  ended: Promise<void>;
};

const mostStepsAtOnce = 200;

/** The policy's own loop (workflows/policy-life.ts), round by round, without Temporal. */
export function startEntity(name: string, options: EntityOptions): Entity {
  const { clock, steps, workerUp, newRotationId, trace } = options;
  const life: Life = { state: newPolicyState(name), running: null, confirmedRun: null };
  let wake = () => {};

  async function tell(change: (state: PolicyState, now: string) => PolicyState): Promise<void> {
    await workerUp();
    life.state = change(life.state, clock.instant());
    wake();
  }

  async function live(): Promise<void> {
    let roundsNow = 0;
    let lastMs = clock.now();
    const begun: { rotationId: string | null } = { rotationId: null };
    const around = { steps, planning: { planRun, confirmRun }, now: clock.instant, newRotationId, sleep, show };
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
      const did = await liveOn(life, around);
      if (did === 'ended') return;
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
    apply: (policy) => tell((held, at) => after.afterApply(held, policy, at, newRotationId())),
    tell,
    ended: live(),
  };
}
