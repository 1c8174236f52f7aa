import type { Activities } from '../activities/index.ts';
import type { Policy } from '../policy/declared/policy.ts';
import { type NextStep, nextStep } from '../policy/life/lifecycle.ts';
import type { PolicyState } from '../policy/life/state.ts';
import type { RunningRotation } from '../policy/life/status.ts';
import { type Instant, isDue } from '../policy/time/instant.ts';
import { carryOut } from './carry-out.ts';
import type { Ways } from './saga/steps.ts';

/** A policy that lives: what its messages change and its loop carries on with. */
export type Life = {
  state: PolicyState;
  running: RunningRotation | null;
  /** The scheduled run (its instant) that was confirmed to be due. */
  confirmedRun: Instant | null;
  /** For this run only, and not part of the state: the next one has not been asked. */
  refreshAsked: boolean;
};

/** A policy that begins its run with `state`. */
export function newLife(state: PolicyState): Life {
  return { state, running: null, confirmedRun: null, refreshAsked: false };
}

/** What the loop needs around it: Temporal in the workflow, a virtual clock in the simulated world. */
export type Surroundings = {
  steps: Ways;
  planning: Pick<Activities, 'planRun' | 'confirmRun'>;
  now: () => Instant;
  newRotationId: () => string;
  /** Until the time (null: for ever), or until `changed` says that a message has changed the state. */
  sleep: (until: Instant | null, because: string, changed: () => boolean) => Promise<void>;
  /** Something that a person may look at has changed. */
  show: () => void;
};

/**
 * One round: asks what is due, and sleeps until it is or carries it out; or plans the next run first, where none is. The
 * workflow runs it round by round, and so does the simulated world.
 *
 * Between asking what is due and acting on it nothing is awaited: a message that came in between would be lost.
 */
export async function liveOn(life: Life, around: Surroundings): Promise<'idle' | 'acted' | 'ended'> {
  const { policy } = life.state;
  if (policy === null) return 'ended';
  const step = nextStep(life.state, around.now());
  if (isUnplanned(life.state, step)) {
    await plan(life, policy, around);
    return 'idle';
  }
  if (isUnconfirmed(life, step)) {
    await confirm(life, policy, around);
    return 'idle';
  }
  around.show();
  if (step.do === 'end') return 'ended';
  if (step.do === 'sleep') {
    const asleep = life.state;
    await around.sleep(step.until, step.because, () => life.state !== asleep);
    return 'idle';
  }
  await carryOut(life, policy, step, around);
  return 'acted';
}

/** A rotation that is due now does not wait for a plan: the schedule goes on from it, so it is planned afterwards. */
function isUnplanned({ policy, next, anchor, ending }: PolicyState, step: NextStep): boolean {
  return step.do !== 'rotate' && policy?.autoRotate === true && next === null && anchor !== null && ending === null;
}

async function plan(life: Life, policy: Policy, { planning, now }: Surroundings): Promise<void> {
  const { anchor } = life.state;
  if (anchor === null) return;
  const { anchorDate, run } = await planning.planRun({ schedule: policy.schedule, anchor, after: now() });
  // A message may have replaced the policy meanwhile; then the next round plans by that.
  if (life.state.policy === policy) life.state = { ...life.state, anchor: { date: anchorDate }, next: run };
}

/** Time zone rules change while a policy sleeps: a scheduled run is asked for again when it is due, never run early. */
function isUnconfirmed({ state, confirmedRun }: Life, step: NextStep): boolean {
  return step.do === 'rotate' && step.pending === null && state.next !== null && state.next.utc !== confirmedRun;
}

async function confirm(life: Life, policy: Policy, { planning, now }: Surroundings): Promise<void> {
  const { next } = life.state;
  if (next === null) return;
  const run = await planning.confirmRun({ schedule: policy.schedule, date: next.date });
  if (life.state.policy !== policy || life.state.next !== next) return;
  life.state = { ...life.state, next: run };
  // One that the rules have moved is asked for again when it is due.
  life.confirmedRun = isDue(run.utc, now()) ? run.utc : null;
}
