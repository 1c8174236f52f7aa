import { spawnSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { runKeyturn } from '../run-keyturn.ts';
import { filesBelow, findLeaks, type Place } from './secret-scan.ts';
import { type Stack, startStack } from './stack.ts';
import { startDumpingWorker, type WorkerProcess } from './worker-process.ts';

const policy = `
name: traced
connection: main
schedule: { every: 30, at: "03:30", timeZone: Europe/Berlin }
key: { name: traced-key, limit: 5, limitReset: monthly }
secret: { name: TRACED, stores: [local] }
`;

let stack: Stack;
let worker: WorkerProcess;

beforeAll(async () => {
  stack = await startStack(inject('temporalCli'));
  worker = startDumpingWorker(stack);
  await worker.ready;
  await writeFile(join(stack.folder, 'traced.yaml'), policy);
  const applied = await runKeyturn(stack, ['apply', '-f', 'traced.yaml', '--wait']);
  if (applied.code !== 0) throw new Error(applied.stderr);
}, 90_000);

afterAll(async () => {
  await worker.kill('SIGKILL');
  await stack.close();
});

test.skipIf(process.platform !== 'linux')('no secret is in the arguments or the environment of a process', async () => {
  const own: Place[] = await Promise.all(
    ['cmdline', 'environ'].flatMap((file) =>
      [worker.pid, stack.temporal.pid].map(async (pid) => {
        const name = `/proc/${pid}/${file}`;
        return { name, bytes: await readFile(name) };
      }),
    ),
  );
  expect(own.every(({ bytes }) => bytes.length > 0)).toBe(true);
  expect(findLeaks(own, stack.secrets)).toEqual([]);

  const planted = spawnSync('sh', ['-c', 'cat /proc/self/environ'], { env: { PLANTED: stack.secrets[0] } });
  expect(findLeaks([{ name: 'planted', bytes: planted.stdout }], stack.secrets)).not.toEqual([]);
});

test('a worker that crashes leaves no core dump with a secret in it', { timeout: 60_000 }, async ({ skip }) => {
  // The proof that dumps are made and searched here: a shell dies in the same way, with a secret in its memory.
  const dying = 'ulimit -c unlimited; PLANTED="$(cat)"; kill -s SEGV $$';
  spawnSync('sh', ['-c', dying], { cwd: stack.folder, input: stack.secrets[0] });
  const [dump] = await dumps();
  if (dump === undefined) skip('this machine sends core dumps elsewhere (/proc/sys/kernel/core_pattern)');
  expect(findLeaks([dump as Place], stack.secrets)).not.toEqual([]);
  await rm(join(stack.folder, (dump as Place).name));

  expect(await worker.kill('SIGSEGV')).toBe('SIGSEGV');
  const [ofWorker] = await dumps();
  // Were there none, the worker could not have been dumped at all, and nothing would be proven.
  expect(ofWorker?.bytes.length).toBeGreaterThan(0);
  expect(findLeaks(await filesBelow(stack.folder), stack.secrets)).toEqual([]);
});

/** A dump lies in the folder that its process ran in. */
async function dumps(): Promise<Place[]> {
  return (await filesBelow(stack.folder)).filter(({ name }) => /^core(\.|$)/.test(name));
}
