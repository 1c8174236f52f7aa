import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { runKeyturn } from '../run-keyturn.ts';
import { startStack } from './stack.ts';
import { startWorker } from './worker-process.ts';

test('a worker whose keyturn.yaml declares all that it needs makes and opens nothing on its machine', {
  timeout: 90_000,
}, async () => {
  const stack = await startStack(inject('temporalCli'));
  onTestFinished(() => stack.close());
  const { folder, paths, simulator } = stack;
  const pod = join(folder, 'pod');
  await mkdir(pod);
  // As a secret manager mounts them.
  await cp(paths.keyringFile, join(pod, 'keyring.json'));
  await writeFile(join(pod, 'management-key'), simulator.managementKey, { mode: 0o444 });
  const declared = `
keyring: { file: ./keyring.json }
connections: { main: { file: ./management-key, baseUrl: "${simulator.url}" } }
`;
  await writeFile(join(pod, 'keyturn.yaml'), declared);
  const { XDG_CACHE_HOME: _, ...rest } = stack.env;
  // No folder can be made below it, whoever tries.
  const env = { ...rest, XDG_DATA_HOME: '/dev/null/none', XDG_CONFIG_HOME: pod };
  const worker = startWorker({ folder: pod, paths, env });
  onTestFinished(async () => void (await worker.kill('SIGTERM')));
  await worker.ready;

  const list = ['connection', 'list', '-o', 'json'];
  const listed = JSON.parse((await runKeyturn({ folder: pod, env }, list)).stdout);
  expect(listed).toMatchObject([{ name: 'main', source: 'file', store: null }]);
  expect(await runKeyturn({ folder: pod, env }, ['connection', 'check', 'main'])).toMatchObject({ code: 0 });
  expect(await runKeyturn({ folder: pod, env }, ['connection', 'check', 'other'])).toMatchObject({ code: 3 });
  // The client has the keyring from there as well: the worker understands what it asks.
  const asked = await runKeyturn({ folder: pod, env }, ['status', 'nobody']);
  expect([asked.code, asked.stderr]).toEqual([3, expect.stringContaining('KEYTURN_POLICY_UNKNOWN')]);
  expect(await runKeyturn({ folder: pod, env }, ['connection', 'add', 'more'], 'sk-or-v1-x')).toMatchObject({
    code: 1,
  });
  expect((await readdir(pod)).sort()).toEqual(['keyring.json', 'keyturn.yaml', 'management-key']);
  expect(existsSync('/dev/null/none')).toBe(false);

  // It goes on without what it has read already, and says what it lacks once it needs it.
  await rm(join(pod, 'keyring.json'));
  await rm(join(pod, 'management-key'));
  const missing = await runKeyturn({ folder: pod, env }, ['connection', 'check', 'main']);
  expect(missing.stderr).toContain('KEYTURN_CONNECTION_UNREADABLE');
  const noKeyring = await runKeyturn({ folder: pod, env }, ['list']);
  expect(noKeyring.stderr).toContain('KEYTURN_KEYRING_UNREADABLE');
  expect(await worker.kill('SIGTERM')).toBe('exit code 0');
});
