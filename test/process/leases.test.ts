import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Policy } from '../../policy/declared/policy.ts';
import { aPolicy } from '../policy/life/states.ts';
import { eventually, issueFirstKey, policyNamed, statusWhen } from './rotation.ts';
import { type Stack, startStack } from './stack.ts';
import { startWorker, type WorkerProcess } from './worker-process.ts';

const timeout = 90_000;
let stack: Stack;
let worker: WorkerProcess;
/** Not in the machine's folder, which is searched for secrets: this is where applications read them. */
let folder: string;
beforeAll(async () => {
  stack = await startStack(inject('temporalCli'));
  folder = await mkdtemp(join(tmpdir(), 'keyturn-applications-'));
  const same = `{ kind: env-file, folder: ${folder} }`;
  await writeFile(join(stack.folder, 'keyturn.yaml'), `stores: { app: ${same}, app-again: ${same} }\n`);
  worker = startWorker({ ...stack, env: { ...stack.env, KEYTURN_CONFIG: join(stack.folder, 'keyturn.yaml') } });
  await worker.ready;
});
afterAll(async () => {
  await worker?.kill('SIGTERM');
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

function writing(name: string, field: string, store = 'app', file = '.env'): Policy {
  const secret = { name: 'SHARED', places: [{ store, name: file, field, required: true }], optionalWaitMs: 0 };
  // Live keys of one name would be told as what an earlier policy has left.
  return policyNamed(name, { secret, graceMs: 0, key: { ...aPolicy().key, name } });
}

const refusal = (owner: string) =>
  expect.objectContaining({ code: 'KEYTURN_PLACE_LEASED', message: expect.stringContaining(`policy "${owner}"`) });

test('one place has one policy, also by another name of its store; another field of it is free', {
  timeout,
}, async () => {
  await issueFirstKey(stack.keyturn, writing('first', 'ONE'));
  await expect(stack.keyturn.applyRead(writing('second', 'ONE'))).rejects.toEqual(refusal('first'));
  await expect(stack.keyturn.applyRead(writing('second', 'ONE', 'app-again'))).rejects.toEqual(refusal('first'));
  await issueFirstKey(stack.keyturn, writing('second', 'TWO', 'app-again'));
  const text = await readFile(join(folder, '.env'), 'utf8');
  expect(text.match(/^(ONE|TWO)=sk-or-v1-/gm)).toEqual(['ONE=sk-or-v1-', 'TWO=sk-or-v1-']);
});

test('a place that its policy leaves, by apply or by its end, is free for the next', { timeout }, async () => {
  await issueFirstKey(stack.keyturn, writing('moving', 'HERE', 'app', 'a.env'));
  await stack.keyturn.applyRead(writing('moving', 'THERE', 'app', 'a.env'));
  await statusWhen(stack.keyturn, 'moving', ({ stores: [place] }) => place?.state === 'current');
  const takes = (name: string, field: string) =>
    eventually(async () => {
      try {
        await stack.keyturn.applyRead(writing(name, field, 'app', 'a.env'));
        return true;
      } catch (error) {
        if ((error as { code?: string }).code === 'KEYTURN_PLACE_LEASED') return false;
        throw error;
      }
    });
  await takes('next', 'HERE');
  await expect(stack.keyturn.applyRead(writing('late', 'THERE', 'app', 'a.env'))).rejects.toEqual(refusal('moving'));
  await stack.keyturn.delete('moving', 'detach');
  await takes('late', 'THERE');
});
