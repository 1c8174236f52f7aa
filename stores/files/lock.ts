import { closeSync, existsSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Lock, tryLock } from '../../files/exclusive-lock.ts';
import { lockIn } from './real-path.ts';

const waitMs = 3_000;

/** Another process has it, and for longer than a replacement takes. */
export class Locked extends Error {
  override readonly name = 'Locked';
}

/**
 * To be the only Keyturn that replaces files of the folder. One that is frozen keeps it, so that nobody can believe that its
 * replacement will not come; one that dies gives it back.
 *
 * @throws Locked; what the file system throws
 */
export async function lockFolder(folder: string): Promise<Lock> {
  const file = lockIn(folder);
  makeLock(file);
  return wait(file);
}

/** Waits until no replacement is under way, as `lockFolder` does; nothing is made. */
export async function awaitLock(folder: string): Promise<void> {
  const file = lockIn(folder);
  if (!existsSync(file)) return;
  try {
    (await wait(file)).release();
  } catch (error) {
    if (error instanceof Locked) throw error;
    // Who may only read cannot wait, and writes nothing that hung on it.
  }
}

async function wait(file: string): Promise<Lock> {
  for (const until = Date.now() + waitMs; ; await sleep(5 + Math.random() * 20)) {
    const lock = tryLock(file);
    if (lock !== undefined) return lock;
    if (Date.now() >= until) throw new Locked(file);
  }
}

/** Never opened where it is there: closing it would give back the lock that another part of this process may have. */
function makeLock(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
