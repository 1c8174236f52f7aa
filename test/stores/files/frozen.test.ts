import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { digestOf } from '../../../secrets/secret.ts';
import { envFileIn, freshFolder, hidden, namesIn, secret, variable, writer } from './folder.ts';
import { startWriter } from './writer.ts';
import type { Hook } from './writer-process.ts';

const old = 'ONE=1\nOPENROUTER_API_KEY=sk-or-v1-old\n';

async function frozen(before: Extract<Hook, { signal: 'SIGSTOP' }>['before']) {
  const folder = freshFolder();
  const path = join(folder, '.env');
  const later = join(freshFolder(), 'later');
  writeFileSync(path, old);
  const store = envFileIn(folder);
  const { memento } = await store.capture(variable, writer);
  const hook = { signal: 'SIGSTOP' as const, before };
  const writing = startWriter({ declared: { folder }, spot: variable, value: hidden, hook, later });
  await writing.stopped();
  return {
    text: () => readFileSync(path, 'utf8'),
    names: () => namesIn(folder),
    undo: () => store.restore(variable, memento, writer, digestOf(secret), null),
    process: writing.process,
    async goesOn() {
      writeFileSync(later, '');
      writing.process.kill('SIGCONT');
      return (await writing.ended).said;
    },
    ended: writing.ended,
  };
}

test('a writer that was frozen before it began changes nothing when it wakes after the undo', async () => {
  const { undo, goesOn, text, names } = await frozen('openSync');
  expect(await undo()).toMatchObject({ end: 'restored' });
  expect(await goesOn()).toContain(
    'KEYTURN_STORE_UNAVAILABLE: Store "dotenv" cannot be used right now: a write of it took',
  );
  expect(text()).toBe(old);
  expect(names()).toEqual(['.env']);
});

test('an undo does not end while a frozen writer is about to rename, and puts back what that does', async () => {
  const { undo, goesOn, text, names } = await frozen('renameSync');
  const waiting = await undo().catch((error) => error);
  expect(waiting).toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE', kind: 'transient' });
  expect(waiting.message).toContain('.keyturn-lock');
  expect(text()).toBe(old);
  expect(await goesOn()).toBe('written');
  expect(text()).toContain(hidden);
  expect(await undo()).toMatchObject({ end: 'restored', shown: true });
  expect(text()).toBe(old);
  expect(names()).toEqual(['.env']);
});

test('what a frozen writer has written is put back once that is ended', async () => {
  const { undo, process, ended, text, names } = await frozen('fsyncSync after renameSync');
  expect(text()).toContain(hidden);
  await expect(undo()).rejects.toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE' });
  process.kill('SIGKILL');
  await ended;
  expect(await undo()).toMatchObject({ end: 'restored', shown: true });
  expect(text()).toBe(old);
  expect(names()).toEqual(['.env']);
});
