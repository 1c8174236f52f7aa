import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectTemporal } from '../../client/temporal.ts';
import { openKeyringFrom } from '../../keyring/keyring-source.ts';
import { seal } from '../../secrets/seal.ts';
import { Secret } from '../../secrets/secret.ts';
import { workflowId } from '../../workflows/messages.ts';
import { openVaultByOwner } from '../stores/by-owner.ts';
import { expectAgreement, keysEverMade } from './agreement.ts';
import { keyringCommands } from './keyring-commands.ts';
import { endOfRotation, eventually, issueFirstKey, policyNamed } from './rotation.ts';
import { type Stack, startStack } from './stack.ts';
import { startHookedWorker, type WorkerProcess } from './worker-process.ts';

// docs/keyring.md, "Rotating the master key", step by step, while one policy rotates and another sleeps.

let stack: Stack;
let worker: WorkerProcess;
/** The rotation of `under-way` stands here: its key is made and sealed, and Temporal has not been told. */
const made = Promise.withResolvers<void>();
const goOn = Promise.withResolvers<void>();
let held = false;

beforeAll(async () => {
  stack = await startStack(inject('temporalCli'));
  worker = startHookedWorker(stack, async ({ at, step, policy }) => {
    if (!held || policy !== 'under-way' || step !== 'createKey' || at !== 'after') return;
    made.resolve();
    await goOn.promise;
  });
  await worker.ready;
  await Promise.all(['under-way', 'asleep', 'follower'].map((name) => issueFirstKey(stack.keyturn, policyNamed(name))));
});
afterAll(async () => {
  await worker.kill('SIGTERM');
  await stack.close();
});

test('a new master key is activated during a rotation, and the old one goes once nothing needs it', async () => {
  const { keyturn, paths } = stack;
  const { keyring, refusal, neededBy, vaultRowsOf, letAnHourPass, untilWorkerUses } = keyringCommands(stack);
  const { activeId: old } = stack.keyring;
  held = true;
  const { rotationId } = await keyturn.rotate('under-way', { reason: 'the master key changes in it' });
  await made.promise;

  const { id } = await keyring('add');
  expect(await keyring('activate', id)).toMatchObject({ active: true, sealedAnew: 5 });
  await untilWorkerUses(id, keyturn, 'follower');
  goOn.resolve();
  expect((await endOfRotation(keyturn, 'under-way', rotationId)).event).toBe('published');
  await expectAgreement(stack, 'under-way');
  // The worker was not restarted.
  expect(await vaultRowsOf(old)).toBe(0);
  await eventually(async () => (await neededBy(id)).includes('under-way'));
  // Its key was made, and sealed, before the new one was active.
  expect(await neededBy(old)).toEqual(['asleep', 'under-way']);

  expect(await refusal('remove', id)).toMatch(/it is the active key/);
  for (const options of [[], ['--refresh']]) {
    const why = await refusal('remove', old, ...options);
    expect(why).toMatch(/it was active until .*, and steps that began then may go on/);
  }
  letAnHourPass();
  expect(await refusal('remove', old)).toMatch(
    new RegExp(`in Temporal by asleep, under-way \\(keyturn keyring remove ${old} --refresh has them move on`),
  );

  for (const name of ['asleep', 'under-way']) await keyturn.refresh(name);
  await eventually(async () => (await neededBy(old)).length === 0);
  // A worker that had not looked yet wrote this, and a client with the new key sent what the old one had sealed.
  const late = { activeId: old, key: stack.keyring.key };
  await openVaultByOwner({ file: paths.vaultFile, keyring: late }).write(
    { policy: 'late', name: 'LATE' },
    new Secret('late'),
    'r1',
  );
  const temporal = await connectTemporal({ env: {}, address: stack.temporal.address, keyring: stack.keyring });
  await temporal.client.workflow
    .getHandle(workflowId('asleep'))
    .signal('resume', seal(late, new Secret('late'), 'test'));
  await temporal.connection.close();
  expect(await refusal('remove', old)).toMatch(
    new RegExp(`in the vault by secret LATE version 1 \\(keyturn keyring activate ${id} .*; in Temporal by asleep \\(`),
  );
  await keyring('activate', id);
  expect(await keyring('remove', old, '--refresh')).toEqual({ id: old, removed: true, refreshed: ['asleep'] });
  expect(keysEverMade(stack, 'asleep')).toHaveLength(1);
  const left = await openKeyringFrom({ env: {}, file: paths.keyringFile, make: false });
  expect(left.key(old)).toBeUndefined();
  expect(left.activeId).toBe(id);

  for (const name of ['under-way', 'asleep']) {
    await rotated(name);
    await expectAgreement(stack, name);
  }
}, 120_000);

async function rotated(policy: string): Promise<void> {
  const { rotationId } = await stack.keyturn.rotate(policy, { reason: 'it moves on', endGrace: true });
  expect((await endOfRotation(stack.keyturn, policy, rotationId)).event).toBe('published');
}
