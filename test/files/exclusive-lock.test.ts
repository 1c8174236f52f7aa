import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { takeLock, tryLock } from '../../files/exclusive-lock.ts';
import { workspace } from '../engine/workspace.ts';

const HOLDER = `
const { tryLock } = await import(process.env.MODULE);
console.log(tryLock(process.env.LOCK) ? 'held' : 'refused');
setInterval(() => {}, 1000);
`;

test('a lock holds other processes off until its holder is killed', async () => {
  using space = workspace();
  const file = join(space.folder, 'a.lock');
  const holder = spawn(process.execPath, ['--input-type=module-typescript', '-e', HOLDER], {
    env: { MODULE: new URL('../../files/exclusive-lock.ts', import.meta.url).href, LOCK: file },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await once(holder.stdout, 'data');
  expect(String(said).trim()).toBe('held');
  expect(tryLock(file)).toBeUndefined();

  let waited = 0;
  const taking = takeLock(file, () => {
    waited += 1;
  });
  holder.kill('SIGKILL');
  const lock = await taking;
  expect(waited).toBe(1);
  lock.release();
  lock.release();
  expect(tryLock(file)).toBeDefined();
});
