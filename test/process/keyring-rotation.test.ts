import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectTemporal } from '../../client/temporal.ts';
import { openKeyringFrom } from '../../codec/keyring-source.ts';
import { seal } from '../../codec/seal.ts';
import { Secret } from '../../codec/secret.ts';
import { openLocalVault } from '../../stores/local-vault.ts';
import { workflowId } from '../../workflows/messages.ts';
import { expectAgreement } from './agreement.ts';
import { endOfRotation, eventually, issueFirstKey, policyNamed } from './rotation.ts';
import { runKeyturn } from './run-keyturn.ts';
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
  await Promise.all(['under-way', 'asleep'].map((name) => issueFirstKey(stack.keyturn, policyNamed(name))));
});
afterAll(async () => {
  await worker.kill('SIGTERM');
  await stack.close();
});

test('a new master key is activated during a rotation, and the old one goes once nothing needs it', async () => {
  const { keyturn, paths } = stack;
  const { activeId: old } = stack.keyring;
  held = true;
  const { rotationId } = await keyturn.rotate('under-way', { reason: 'the master key changes in it' });
  await made.promise;

  const { id } = await keyring('add');
  expect(await keyring('activate', id)).toMatchObject({ active: true, sealedAnew: 4 });
  goOn.resolve();
  expect((await endOfRotation(keyturn, 'under-way', rotationId)).event).toBe('published');
  await expectAgreement(stack, 'under-way');
  // The worker was not restarted.
  expect(await vaultRowsOf(old)).toBe(0);
  await eventually(async () => (await neededBy(id)).includes('under-way'));
  expect(await neededBy(old)).toEqual(['asleep']);

  expect(await refusal('retire', id)).toMatch(/it is the active key/);
  expect(await refusal('retire', old)).toMatch(/it was active until .*, and steps that began then may go on/);
  letAnHourPass();
  expect(await refusal('retire', old)).toMatch(/in Temporal by asleep \(/);

  await rotated('asleep');
  // A worker that had not looked yet wrote this, and a client with the new key sent what the old one had sealed.
  const late = { activeId: old, key: stack.keyring.key };
  await openLocalVault({ file: paths.vaultFile, keyring: late }).write(
    { policy: 'late', name: 'LATE' },
    new Secret('late'),
    'r1',
  );
  const temporal = await connectTemporal({ env: {}, address: stack.temporal.address, keyring: stack.keyring });
  await temporal.client.workflow
    .getHandle(workflowId('asleep'))
    .signal('resume', seal(late, new Secret('late'), 'test'));
  await temporal.connection.close();
  expect(await refusal('retire', old)).toMatch(
    new RegExp(`in the vault by secret LATE version 1 \\(keyturn keyring activate ${id} .*; in Temporal by asleep \\(`),
  );
  await keyring('activate', id);
  await rotated('asleep');
  expect(await keyring('retire', old)).toEqual({ id: old, retired: true });
  const left = await openKeyringFrom({ env: {}, file: paths.keyringFile, make: false });
  expect(left.key(old)).toBeUndefined();
  expect(left.activeId).toBe(id);

  await rotated('under-way');
  await expectAgreement(stack, 'asleep');
}, 120_000);

async function run(...args: string[]) {
  const { code, stdout, stderr } = await runKeyturn(stack, ['keyring', ...args, '-o', 'json']);
  return { code, answer: JSON.parse(code === 0 ? stdout : stderr) };
}

async function keyring(...args: string[]) {
  const { code, answer } = await run(...args);
  if (code !== 0) throw new Error(answer.message);
  return answer;
}

async function refusal(...args: string[]): Promise<string> {
  const { code, answer } = await run(...args);
  expect({ exit: code, code: answer.code }).toEqual({ exit: 4, code: 'KEYTURN_KEYRING_KEY_NEEDED' });
  return answer.message;
}

async function listed(id: string): Promise<{ vaultRows: number; policies: string[] }> {
  return (await keyring('list')).find((one: { id: string }) => one.id === id);
}
const neededBy = async (id: string) => (await listed(id)).policies;
const vaultRowsOf = async (id: string) => (await listed(id)).vaultRows;

function letAnHourPass(): void {
  const { keyringFile } = stack.paths;
  const content = JSON.parse(readFileSync(keyringFile, 'utf8'));
  const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
  for (const id of Object.keys(content.activeUntil)) content.activeUntil[id] = hourAgo;
  writeFileSync(keyringFile, JSON.stringify(content));
}

async function rotated(policy: string): Promise<void> {
  const { rotationId } = await stack.keyturn.rotate(policy, { reason: 'it moves on', endGrace: true });
  expect((await endOfRotation(stack.keyturn, policy, rotationId)).event).toBe('published');
}
