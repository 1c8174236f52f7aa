import { execFile } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { request } from 'undici';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { runKeyturn } from '../run-keyturn.ts';
import { existingKeys, expectAgreement, secretName, storedKey } from './agreement.ts';
import { endOfRotation, issueFirstKey, policyNamed } from './rotation.ts';
import { type Stack, startStack } from './stack.ts';
import { startWorker, type WorkerProcess } from './worker-process.ts';

// docs/keyring.md, "Losing the keyring": what it says, tried.

let stack: Stack;
let worker: WorkerProcess;

beforeEach(async () => {
  stack = await startStack(inject('temporalCli'));
  worker = startWorker(stack);
  await worker.ready;
});
afterEach(async () => {
  await worker.kill('SIGTERM');
  await stack.close();
});

async function keyturn(args: string[], stdin = ''): Promise<string> {
  const { code, stdout, stderr } = await runKeyturn(stack, args, stdin);
  if (code !== 0) throw new Error(`keyturn ${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function rotated(policy: string): Promise<void> {
  const { rotationId } = await stack.keyturn.rotate(policy, { reason: 'test', endGrace: true });
  expect((await endOfRotation(stack.keyturn, policy, rotationId)).event).toBe('published');
}

test('with a copy: what runs goes on, a worker does not start, and the copy brings everything back', async () => {
  const { paths } = stack;
  await issueFirstKey(stack.keyturn, policyNamed('shop'));
  await keyturn(['keyring', 'export-recovery', 'copy.json'], 'correct horse battery\n');

  rmSync(paths.keyringFile);
  await rotated('shop');
  expect((await storedKey(stack, 'shop'))?.answer).toBe(200);

  await worker.kill('SIGTERM');
  expect(await startWorker(stack).ended).toBe('exit code 1');
  expect(readFileSync(join(paths.logsDir, 'worker.log'), 'utf8')).toContain('KEYTURN_KEYRING_MISSING');
  // A fresh one would only be in the way.
  expect(existsSync(paths.keyringFile)).toBe(false);

  await keyturn(['keyring', 'import-recovery', 'copy.json'], 'correct horse battery\n');
  worker = startWorker(stack);
  await worker.ready;
  await rotated('shop');
  await expectAgreement(stack, 'shop');
}, 120_000);

test('without a copy: applications go on, and the policies are begun again with fresh keys', async () => {
  const { paths, simulator, temporal, folder } = stack;
  const file = `
name: shop
connection: main
schedule: { every: 30, at: "03:30", timeZone: Europe/Berlin }
key: { name: shop-key }
secret: { name: ${secretName('shop')} }
`;
  writeFileSync(join(folder, 'shop.yaml'), file);
  await keyturn(['apply', '--wait', '-f', 'shop.yaml']);
  const old = await keyturn(['secret', 'get', 'shop']);
  const [oldKey] = existingKeys(stack, 'shop');

  await worker.kill('SIGTERM');
  rmSync(paths.keyringFile);
  expect(await answerTo(old)).toBe(200);

  renameSync(paths.vaultFile, `${paths.vaultFile}.lost`);
  worker = startWorker(stack);
  await worker.ready;
  expect(existsSync(paths.keyringFile)).toBe(true);
  await keyturn(['connection', 'add', 'main', '--base-url', simulator.url], simulator.managementKey);
  const [policy] = JSON.parse(await keyturn(['list', '-o', 'json']));
  expect(policy.name).toBe('shop');
  const terminate = ['workflow', 'terminate', '--workflow-id', 'rotation-policy/shop', '--reason', 'keyring lost'];
  await promisify(execFile)(inject('temporalCli'), [...terminate, '--address', temporal.address], { env: stack.env });
  await keyturn(['apply', '--wait', '--new-key', '-f', 'shop.yaml']);

  const fresh = await keyturn(['secret', 'get', 'shop']);
  expect(fresh).not.toBe(old);
  expect(await answerTo(fresh)).toBe(200);
  // Nobody revokes it any more: a person does, once every reader has the fresh one.
  expect(await answerTo(old)).toBe(200);
  expect(existingKeys(stack, 'shop').map(({ hash }) => hash)).toContain(oldKey?.hash);
  await rotated('shop');
}, 120_000);

async function answerTo(secret: string): Promise<number> {
  const { statusCode, body } = await request(`${stack.simulator.url}/key`, {
    headers: { authorization: `Bearer ${secret.trim()}` },
  });
  await body.dump();
  return statusCode;
}
