import { expect, test } from 'vitest';
import type { LeftBehind } from '../../policy/life/status.ts';
import { workflowId } from '../../workflows/messages.ts';
import type { StepName } from '../../workflows/saga/step-table.ts';
import { hour } from '../policy/life/states.ts';
import { existingKeys, secretName } from './agreement.ts';
import { oneWorld } from './one-world.ts';
import type { World } from './own-world.ts';
import { failedTasks, type rawClients } from './raw-client.ts';
import { issueFirstKey, policyNamed } from './rotation.ts';

// A click on "Cancel" in the Web UI: what is under way ends, and nothing is left without an owner that is not told.

const timeout = 90_000;

let world: World;
let raw: Awaited<ReturnType<typeof rawClients>>;
oneWorld((here) => {
  ({ world, raw } = here);
});

/** Cancels, and holds what the workflow says is left against what there is. */
async function expectDetached(name: string): Promise<LeftBehind> {
  const handle = raw.sealed.workflow.getHandle(workflowId(name));
  await handle.cancel();
  const left = await (handle.result() as Promise<LeftBehind>);
  expect((await handle.describe()).status.name).toBe('COMPLETED');
  const live = left.keys.filter(({ state }) => state !== 'quarantined').map(({ hash }) => hash);
  const there = existingKeys(world, name).filter(({ state }) => state === 'live');
  expect(there.map(({ hash }) => hash).sort(), `live keys of ${name}`).toEqual(live.sort());
  const held = await world.vault.read({ policy: name, name: secretName(name) });
  expect(left.secrets).toEqual(held.kind === 'held' ? [{ store: 'local', secret: secretName(name), field: null }] : []);
  expect(await failedTasks(raw.sealed, name)).toEqual([]);
  const ended = { code: 'KEYTURN_POLICY_ENDED', message: expect.stringContaining(live[0] ?? 'detached') };
  await expect(world.keyturn.status(name)).rejects.toMatchObject(ended);
  return left;
}

test('asleep, with a former key in its grace, it says which keys it leaves', { timeout }, async () => {
  await issueFirstKey(world.keyturn, policyNamed('asleep', { graceMs: hour }));
  const { rotationId } = await world.keyturn.rotate('asleep', { reason: 'second' });
  for await (const _ of world.keyturn.waitFor('asleep', rotationId));
  await world.keyturn.pause('asleep');
  const { keys } = await expectDetached('asleep');
  expect(keys.map(({ generation, state }) => [generation, state])).toEqual([
    [2, 'live'],
    [1, 'in grace'],
  ]);
});

test('what it left is still told after applies of its name that were refused', { timeout }, async () => {
  await issueFirstKey(world.keyturn, policyNamed('left'));
  const { keys } = await expectDetached('left');
  const elsewhere = policyNamed('left', { connection: 'nobody' });
  for (let times = 0; times < 2; times++) {
    await expect(world.keyturn.applyRead(elsewhere)).rejects.toMatchObject({ code: 'KEYTURN_CONNECTION_UNKNOWN' });
    await raw.sealed.workflow.getHandle(workflowId('left')).result();
  }
  const ended = { code: 'KEYTURN_POLICY_ENDED', message: expect.stringContaining(String(keys[0]?.hash)) };
  // Temporal's list of what ended is a moment behind.
  await expect.poll(() => world.keyturn.pause('left').catch((error: unknown) => error)).toMatchObject(ended);
});

test('while it is being deleted, nothing more of it goes', { timeout }, async () => {
  await issueFirstKey(world.keyturn, policyNamed('retiring', { graceMs: hour }));
  await world.keyturn.delete('retiring', 'retire');
  const { keys, secrets } = await expectDetached('retiring');
  expect(keys).toMatchObject([{ generation: 1, state: 'in grace' }]);
  expect(secrets).toHaveLength(1);
});

const steps: StepName[] = ['createKey', 'verifyKey', 'captureSecret', 'storeSecret', 'verifySecret', 'renameKey'];
const moments = steps.flatMap((step) => (['before', 'after'] as const).map((at) => ({ step, at })));

test.for(moments)('$at $step of a rotation', { timeout }, async ({ step, at }) => {
  const name = `${at}-${step.toLowerCase()}`;
  await issueFirstKey(world.keyturn, policyNamed(name, { graceMs: hour }));
  const held = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  world.onMoment = async (moment) => {
    if (moment.policy !== name || moment.at !== at || moment.step !== step) return;
    reached.resolve();
    await held.promise;
  };
  await world.keyturn.rotate(name, { reason: 'cancelled' });
  await reached.promise;
  // The step goes on while the cancellation is on its way, as it does in life.
  const detached = expectDetached(name);
  setTimeout(held.resolve, 300);
  const { keys } = await detached;
  // A step that has begun ends: with the last one before publishing, the key is published.
  const isPublished = step === 'verifySecret' || step === 'renameKey';
  expect(keys[0]).toMatchObject({ generation: isPublished ? 2 : 1, state: 'live' });
  world.onMoment = async () => {};
});

test('a step that is tried again for hours is given up at once, and undone', { timeout }, async () => {
  await issueFirstKey(world.keyturn, policyNamed('waiting', { graceMs: hour }));
  const failing = Promise.withResolvers<void>();
  world.onMoment = async ({ policy, step, at }) => {
    if (policy !== 'waiting' || step !== 'storeSecret' || at !== 'before') return;
    failing.resolve();
    throw new Error('the store is down');
  };
  await world.keyturn.rotate('waiting', { reason: 'cancelled' });
  await failing.promise;
  const { keys } = await expectDetached('waiting');
  expect(keys).toMatchObject([{ generation: 1, state: 'live' }]);
  world.onMoment = async () => {};
});

test.for(['cancel', 'detach', 'destroy'] as const)(
  'an apply that is being checked meanwhile: %s',
  { timeout },
  async (how) => {
    const name = `checked-${how}`;
    await issueFirstKey(world.keyturn, policyNamed(name, { graceMs: 0 }));
    const held = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    world.onMoment = async ({ policy, step, at }) => {
      if (policy !== name || at !== 'before' || (step as string) !== 'checkPolicy') return;
      reached.resolve();
      await held.promise;
    };
    const applied = world.keyturn.applyRead(policyNamed(name, { graceMs: hour })).catch((error: unknown) => error);
    await reached.promise;
    if (how === 'cancel') await raw.sealed.workflow.getHandle(workflowId(name)).cancel();
    else await world.keyturn.delete(name, how);
    setTimeout(held.resolve, 300);
    expect(await applied).toMatchObject({ code: 'KEYTURN_POLICY_ENDING' });
    world.onMoment = async () => {};
  },
);
