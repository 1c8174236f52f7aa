import type { Activities } from '../activities/index.ts';
import type { Instant } from '../policy/instant.ts';
import { type NextStep, nextStep } from '../policy/lifecycle.ts';
import type { Policy } from '../policy/policy.ts';
import type { PolicyState } from '../policy/state.ts';
import type { RunningRotation } from '../policy/status.ts';
import { carryOut } from './carry-out.ts';
import type { Steps } from './steps.ts';

/** A policy that lives: what its messages change and its loop carries on with. */
export type Life = {
  state: PolicyState;
  running: RunningRotation | null;
  /** The scheduled run (its instant) that was confirmed to be due. */
  confirmedRun: Instant | null;
};

/** What the loop needs around it: Temporal in the workflow, a virtual clock in the simulated world. */
export type Surroundings = {
  steps: Steps;
  planning: Pick<Activities, 'planRun' | 'confirmRun'>;
  now: () => Instant;
  newRotationId: () => string;
  /** Until the time (null: for ever), or until `changed` says that a message has changed the state. */
  sleep: (until: Instant | null, because: string, changed: () => boolean) => Promise<void>;
  /** Something that a person may look at has changed. */
  show: () => void;
};

/**
 * One round: plans the next run, asks what is due, and sleeps until it is or carries it out.
 * The workflow runs it round by round, and so does the simulated world.
 */
export async function liveOn(life: Life, around: Surroundings): Promise<'slept' | 'acted' | 'ended'> {
  const { policy } = life.state;
  if (policy === null) return 'ended';
  await plan(life, policy, around);
  const step = nextStep(life.state, around.now());
  around.show();
  if (step.do === 'end') return 'ended';
  if (step.do === 'sleep') {
    const asleep = life.state;
    await around.sleep(step.until, step.because, () => life.state !== asleep);
    return 'slept';
  }
  if (!(await isConfirmed(life, policy, step, around))) return 'slept';
  await carryOut(life, policy, step, around);
  // Here already, so that `status` tells the next run at once and not only in the next round.
  await plan(life, policy, around);
  return 'acted';
}

async function plan(life: Life, policy: Policy, { planning, now }: Surroundings): Promise<void> {
  const { next, anchor, ending } = life.state;
  if (!policy.autoRotate || next !== null || anchor === null || ending !== null) return;
  const { anchorDate, run } = await planning.planRun({ schedule: policy.schedule, anchor, after: now() });
  // A message may have replaced the policy meanwhile; then the next round plans by that.
  if (life.state.policy === policy) life.state = { ...life.state, anchor: { date: anchorDate }, next: run };
}

/** Time zone rules change while a policy sleeps: a scheduled run is asked for again when it is due, never run early. */
async function isConfirmed(life: Life, policy: Policy, step: NextStep, { planning }: Surroundings): Promise<boolean> {
  const { next } = life.state;
  if (step.do !== 'rotate' || step.pending !== null || next === null) return true;
  if (life.confirmedRun === next.utc) return true;
  const run = await planning.confirmRun({ schedule: policy.schedule, date: next.date });
  if (life.state.policy === policy && life.state.next !== null) {
    life.state = { ...life.state, next: run };
    life.confirmedRun = run.utc;
  }
  return false;
}
