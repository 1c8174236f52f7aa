import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectTemporal, type Temporal } from '../../client/temporal.ts';
import { newPolicyState } from '../../policy/life/state.ts';
import { refresh, workflowId, workflowType } from '../../workflows/messages.ts';
import { existingKeys, expectAgreement, keysEverMade } from './agreement.ts';
import { endOfRotation, eventually, issueFirstKey, policyNamed, statusWhen } from './rotation.ts';
import { type Stack, startStack } from './stack.ts';
import { startHookedWorker, type WorkerProcess } from './worker-process.ts';

// A refresh begins a new run of a policy's workflow, so that nothing of it is encrypted with an old key any more.

let stack: Stack;
let worker: WorkerProcess;
let temporal: Temporal;
/** The second rotation of `under-way` stands here: its key is made, and Temporal has not been told. */
const made = Promise.withResolvers<void>();
const goOn = Promise.withResolvers<void>();
let held = false;

beforeAll(async () => {
  stack = await startStack(inject('temporalCli'));
  temporal = await connectTemporal({ env: {}, address: stack.temporal.address, keyring: stack.keyring });
  worker = startHookedWorker(stack, async ({ at, step, policy }) => {
    if (!held || policy !== 'under-way' || step !== 'createKey' || at !== 'after') return;
    made.resolve();
    await goOn.promise;
  });
  await worker.ready;
});
afterAll(async () => {
  await worker.kill('SIGTERM');
  await temporal.connection.close();
  await stack.close();
});

async function runOf(policy: string): Promise<string> {
  return (await temporal.client.workflow.getHandle(workflowId(policy)).describe()).runId;
}

/** Issues the first key and resolves once the policy sleeps in the run after it. */
async function asleep(policy: string): Promise<string> {
  await issueFirstKey(stack.keyturn, policyNamed(policy));
  await statusWhen(stack.keyturn, policy, ({ next }) => next !== null);
  return runOf(policy);
}

test('a refresh begins one new run with the same state, and makes no key', async () => {
  const { keyturn } = stack;
  const first = await asleep('sleeper');
  const before = { status: await keyturn.status('sleeper'), history: await keyturn.history('sleeper') };
  expect(before.status.state).toBe('sleeping');

  await keyturn.refresh('sleeper');
  await eventually(async () => (await runOf('sleeper')) !== first);
  const second = await runOf('sleeper');
  expect({ status: await keyturn.status('sleeper'), history: await keyturn.history('sleeper') }).toEqual(before);
  expect(keysEverMade(stack, 'sleeper')).toHaveLength(1);
  await expectAgreement(stack, 'sleeper');

  // The new run takes message after message, and sleeps on: it was not refreshed too. Each that was would end before the
  // next message is taken, as Temporal begins at most one a second.
  for (let round = 0; round < 2; round++) {
    await keyturn.pause('sleeper');
    await statusWhen(keyturn, 'sleeper', ({ state }) => state === 'paused');
    await keyturn.resume('sleeper');
    await statusWhen(keyturn, 'sleeper', ({ state, next }) => state === 'sleeping' && next !== null);
  }
  expect(await runOf('sleeper')).toBe(second);

  // One that sleeps for ever.
  await keyturn.pause('sleeper');
  await statusWhen(keyturn, 'sleeper', ({ state }) => state === 'paused');
  await keyturn.refresh('sleeper');
  await eventually(async () => (await runOf('sleeper')) !== second);
  expect(await keyturn.status('sleeper')).toMatchObject({ state: 'paused', keys: [{ generation: 1 }] });
});

test('a refresh during a rotation waits for its end, and the rotation makes its one key', async () => {
  const { keyturn } = stack;
  const before = await asleep('under-way');
  held = true;
  const { rotationId } = await keyturn.rotate('under-way', { reason: 'refreshed in it' });
  await made.promise;
  await keyturn.refresh('under-way');
  expect((await keyturn.status('under-way')).running?.rotationId).toBe(rotationId);
  expect(await runOf('under-way')).toBe(before);
  goOn.resolve();
  expect((await endOfRotation(keyturn, 'under-way', rotationId)).event).toBe('published');
  await eventually(async () => (await runOf('under-way')) !== before);
  await statusWhen(keyturn, 'under-way', ({ running, next }) => running === null && next !== null);
  expect(keysEverMade(stack, 'under-way')).toHaveLength(2);
  await expectAgreement(stack, 'under-way');
});

test('a refresh that comes before the policy does no harm', async () => {
  const { client, taskQueue } = temporal;
  await client.workflow.signalWithStart(workflowType, {
    workflowId: workflowId('not-yet'),
    taskQueue,
    args: [newPolicyState('not-yet')],
    signal: refresh,
  });
  await issueFirstKey(stack.keyturn, policyNamed('not-yet'));
  expect(keysEverMade(stack, 'not-yet')).toHaveLength(1);
  await expectAgreement(stack, 'not-yet');
});

test('what is sent just after a refresh is not lost', async () => {
  const { keyturn } = stack;
  const names = Array.from({ length: 8 }, (_, index) => `after-${index}`);
  await Promise.all(
    names.map(async (name) => {
      const before = await asleep(name);
      // Whether they come before, between or after the turns that end the run is chance: so there are several.
      await keyturn.refresh(name);
      await keyturn.pause(name, { reason: 'just then' });
      await keyturn.refresh(name);
      await keyturn.rotateNow(name, { reason: 'just then' });
      await keyturn.status(name);
      await statusWhen(keyturn, name, ({ keys, state }) => keys[0]?.generation === 2 && state === 'paused');
      expect(await runOf(name)).not.toBe(before);
    }),
  );
  for (const name of names) expect(existingKeys(stack, name), name).toHaveLength(2);
}, 60_000);
