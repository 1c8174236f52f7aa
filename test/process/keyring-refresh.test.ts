import { expect, inject, test } from 'vitest';
import { connectTemporal } from '../../client/temporal.ts';
import { workflowId } from '../../workflows/messages.ts';
import { expectAgreement, keysEverMade } from './agreement.ts';
import { keyringCommands } from './keyring-commands.ts';
import { endOfRotation, eventually, issueFirstKey, policyNamed } from './rotation.ts';
import { startStack } from './stack.ts';
import { startWorker } from './worker-process.ts';

// `keyturn keyring remove ID --refresh`, where policies sleep for 30 days and the master key has to go today.

/** Policies that sleep, and a fresh active key that none of them is encrypted with. */
async function sleepersWithOldKey(names: string[]) {
  const stack = await startStack(inject('temporalCli'));
  const worker = startWorker(stack);
  await worker.ready;
  await Promise.all(names.map((name) => issueFirstKey(stack.keyturn, policyNamed(name))));
  const commands = keyringCommands(stack);
  const { activeId: old } = stack.keyring;
  const { id: active } = await commands.keyring('add');
  await commands.keyring('activate', active);
  commands.letAnHourPass();
  return { stack, worker, old, active, ...commands };
}

test('many policies that sleep are all moved on at once, and no key is made for it', async () => {
  const names = Array.from({ length: 16 }, (_, index) => `sleeper-${String(index).padStart(2, '0')}`);
  const { stack, worker, old, active, keyring, refusal, untilWorkerUses } = await sleepersWithOldKey(names);
  const { keyturn } = stack;
  const temporal = await connectTemporal({ env: {}, address: stack.temporal.address, keyring: stack.keyring });
  const runOf = async (name: string) => (await temporal.client.workflow.getHandle(workflowId(name)).describe()).runId;
  try {
    await untilWorkerUses(active, keyturn, 'sleeper-00');
    const others = names.slice(1);
    expect(await refusal('remove', old)).toMatch(/in Temporal by sleeper-01, .* and 5 more \(keyturn .* --refresh/);
    const before = await Promise.all(others.map((name) => keyturn.status(name)));
    const notNeeding = await runOf('sleeper-00');

    expect(await keyring('remove', old, '--refresh')).toEqual({ id: old, removed: true, refreshed: others });
    expect(await Promise.all(others.map((name) => keyturn.status(name)))).toEqual(before);
    expect(await runOf('sleeper-00')).toBe(notNeeding);
    for (const name of names) expect(keysEverMade(stack, name), name).toHaveLength(1);
    const { rotationId } = await keyturn.rotate('sleeper-07', { reason: 'it can still do so' });
    expect((await endOfRotation(keyturn, 'sleeper-07', rotationId)).event).toBe('published');
    await expectAgreement(stack, 'sleeper-07');
  } finally {
    await temporal.connection.close();
    await worker.kill('SIGTERM');
    await stack.close();
  }
}, 120_000);

test('without a worker it ends, refuses with the names, and they move on once one runs', async () => {
  const { stack, worker, old, keyring, neededBy, refusal } = await sleepersWithOldKey(['one', 'two']);
  let next = worker;
  try {
    await worker.kill('SIGTERM');
    const began = Date.now();
    expect(await refusal('remove', old, '--refresh')).toMatch(/in Temporal by one, two \(they were told to move on,/);
    const took = Date.now() - began;
    // The 30 seconds that docs/cli.md states, and what starting a program takes on a busy machine.
    expect(took).toBeGreaterThan(30_000);
    expect(took).toBeLessThan(60_000);

    next = startWorker(stack);
    await eventually(async () => (await neededBy(old)).length === 0);
    expect(await keyring('remove', old, '--refresh')).toEqual({ id: old, removed: true, refreshed: [] });
    for (const name of ['one', 'two']) expect(keysEverMade(stack, name)).toHaveLength(1);
    await next.ready;
    await expectAgreement(stack, 'one');
  } finally {
    await next.kill('SIGTERM');
    await stack.close();
  }
}, 120_000);
