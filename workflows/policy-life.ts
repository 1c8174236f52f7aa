import { type Due, nextStep, withoutStale } from '../policy/life/agenda.ts';
import type { Around } from '../policy/life/duty.ts';
import { owing, settled } from '../policy/life/owed.ts';
import type { Outcome, Rotation } from '../policy/life/rotation.ts';
import type { PolicyState } from '../policy/life/state.ts';
import type { RunningRotation } from '../policy/life/status.ts';
import type { Instant } from '../policy/time/instant.ts';
import { faultOf, type Steps } from './saga/steps.ts';

/** A policy that lives: what its messages change and its loop carries on with. */
export type Life = {
  state: PolicyState;
  running: RunningRotation | null;
  /** For this run only, and not part of the state: the next one has not been asked. */
  refreshAsked: boolean;
};

/** A policy that begins its run with `state`. */
export function newLife(state: PolicyState): Life {
  return { state, running: null, refreshAsked: false };
}

/** What the loop needs around it: Temporal in the workflow, a virtual clock in the simulated world. */
export type Surroundings = {
  /** Made where a duty is carried out: thousands of policies that sleep are kept in memory. */
  steps: () => Steps;
  rotate: (rotation: Rotation) => Promise<Outcome>;
  now: () => Instant;
  newRotationId: () => string;
  /** Until the time (null: for ever), or until `changed` says that a message has changed the state. */
  sleep: (until: Instant | null, because: string, changed: () => boolean) => Promise<void>;
  /** Something that a person may look at has changed. */
  show: () => void;
};

/**
 * One round: asks what is due, and sleeps until it is or carries it out. The workflow runs it round by round, and so does
 * the simulated world.
 *
 * Between asking what is due and acting on it nothing is awaited: a message that came in between would be lost.
 */
export async function liveOn(life: Life, around: Surroundings): Promise<'idle' | 'acted' | 'ended'> {
  if (life.state.policy === null) return 'ended';
  const step = nextStep(life.state, around.now());
  if (step.do === 'duty') {
    const { isBrief = false } = step.due.duty;
    if (!isBrief) around.show();
    await carryOut(life, step.due, around);
    return isBrief ? 'idle' : 'acted';
  }
  around.show();
  if (step.do === 'end') return 'ended';
  const asleep = life.state;
  await around.sleep(step.until, step.because, () => life.state !== asleep);
  return 'idle';
}

/** Does the one thing that is due and records what came of it. Never throws: what fails is owed. */
async function carryOut(life: Life, { duty, of, what }: Due, around: Surroundings): Promise<void> {
  const { state } = life;
  const { policy } = state;
  if (policy === null) return;
  const { now, newRotationId } = around;
  try {
    const change = await duty.carryOut(what, {
      policy,
      state,
      steps: around.steps(),
      rotate: (rotation) => shown(life, rotation, around),
      change: (change) => {
        life.state = change(life.state, now());
      },
      now,
      newRotationId,
    });
    life.state = change(settled(life.state, duty.name, of), now());
  } catch (error) {
    life.state = owing(life.state, duty.name, of, faultOf(error), now());
  }
  life.running = null;
  life.state = withoutStale(life.state, now());
}

/** A rotation that people see while it is under way. */
async function shown(life: Life, rotation: Rotation, { rotate, show }: Surroundings): ReturnType<Around['rotate']> {
  const { id: rotationId, reason, attempt, startedAt } = rotation;
  life.running = { rotationId, reason, attempt, startedAt, steps: [] };
  show();
  const outcome = await rotate(rotation);
  return { ...outcome, steps: life.running.steps };
}
