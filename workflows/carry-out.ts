import type { Policy } from '../policy/declared/policy.ts';
import type { NextStep } from '../policy/life/lifecycle.ts';
import type { KeyRef, RetiringKey } from '../policy/life/state.ts';
import * as after from '../policy/life/transitions.ts';
import { createsLeft } from '../policy/life/watch.ts';
import type { Life, Surroundings } from './policy-life.ts';
import { rotate } from './saga/rotate.ts';
import { faultOf } from './saga/steps.ts';

type Due = Exclude<NextStep, { do: 'sleep' | 'end' }>;

/** Does the one thing that is due and records what came of it. Never throws: what fails is tried again later. */
export async function carryOut(life: Life, policy: Policy, due: Due, around: Surroundings): Promise<void> {
  switch (due.do) {
    case 'rotate':
      return runRotation(life, policy, due, around);
    case 'disable':
      return disable(life, policy, due.key, around);
    case 'delete':
      return remove(life, policy, due.key, around);
    case 'sweep':
      return sweep(life, policy, due, around);
    case 'clear-stores':
      return clearStores(life, policy, around);
  }
}

async function runRotation(
  life: Life,
  policy: Policy,
  { pending, reason }: Due & { do: 'rotate' },
  { steps, now, newRotationId, show }: Surroundings,
): Promise<void> {
  const rotationId = pending?.rotationId ?? newRotationId();
  const attempt = pending?.attempt ?? 1;
  const startedAt = now();
  const generation = life.state.newestGeneration + 1;
  const creates = createsLeft(life.state);
  life.state = after.afterStart(life.state);
  life.running = { rotationId, reason, attempt, startedAt, steps: [] };
  show();
  const outcome = await rotate({ id: rotationId, policy, generation, creates }, steps);
  const result = { ...outcome, rotationId, reason, attempt, startedAt, steps: life.running.steps };
  life.state = after.afterRotation(life.state, policy, result, now());
  life.running = null;
}

async function disable(life: Life, policy: Policy, key: RetiringKey, { steps, now }: Surroundings): Promise<void> {
  try {
    const { gone } = await steps.back.disableKey(retirement(life, policy, key));
    const quarantineMs = life.state.ending?.mode === 'destroy' ? 0 : policy.quarantineMs;
    life.state = gone
      ? after.afterDeleted(life.state, key, 'it was deleted outside Keyturn', now())
      : after.afterDisabled(life.state, key, quarantineMs, '', now());
  } catch (error) {
    life.state = after.afterRetirementBlocked(life.state, key, faultOf(error), now());
  }
}

async function remove(life: Life, policy: Policy, key: RetiringKey, { steps, now }: Surroundings): Promise<void> {
  try {
    const { gone } = await steps.back.deleteKey(retirement(life, policy, key));
    life.state = after.afterDeleted(life.state, key, gone ? 'it was gone already' : '', now());
  } catch (error) {
    life.state = after.afterRetirementBlocked(life.state, key, faultOf(error), now());
  }
}

function retirement({ state }: Life, policy: Policy, key: RetiringKey) {
  const { name, connection, secret } = policy;
  const { current } = state;
  const successor = current && { ...keyRef(current), rotationId: current.rotationId, sealed: current.sealed };
  return { policy: name, connection, key: keyRef(key), successor, stores: secret.stores, secret: secret.name };
}

function keyRef({ generation, hash, digest }: KeyRef): KeyRef {
  return { generation, hash, digest };
}

async function sweep(
  life: Life,
  { connection, key }: Policy,
  { watched }: Due & { do: 'sweep' },
  { steps, now }: Surroundings,
): Promise<void> {
  const { marker } = watched;
  const { workspace } = key;
  try {
    const { found } = await steps.back.reapKey({ connection, workspace, marker, hash: null, patient: false });
    life.state = after.afterSweep(life.state, watched, found, now());
  } catch {
    life.state = after.afterSweepFailed(life.state, watched, now());
  }
}

async function clearStores(life: Life, policy: Policy, { steps, now }: Surroundings): Promise<void> {
  const { stores, name: secret } = policy.secret;
  try {
    for (const store of stores) await steps.back.removeSecret({ policy: policy.name, store, secret });
    life.state = after.afterStoresCleared(life.state, now());
  } catch (error) {
    life.state = after.afterClearingBlocked(life.state, faultOf(error), now());
  }
}
