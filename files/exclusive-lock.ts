import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 250;

/** A lock held by this process; the operating system gives it back when the process dies, however it dies. */
export type Lock = {
  /** Gives the lock back; again is fine. */
  release(): void;
};

/**
 * Takes the lock `file`, or answers undefined where another process holds it.
 *
 * SQLite's own file lock is used because Node offers no other that a dead process lets go of by itself.
 *
 * @param waitMs how long the thread may stand still for it; default 0
 */
export function tryLock(file: string, waitMs = 0): Lock | undefined {
  mkdirSync(dirname(file), { recursive: true });
  const database = new DatabaseSync(file, { timeout: waitMs });
  try {
    database.exec('BEGIN EXCLUSIVE');
    return {
      release: () => {
        if (database.isOpen) database.close();
      },
    };
  } catch (error) {
    database.close();
    if (error instanceof Error && error.message.includes('locked')) return undefined;
    throw error;
  }
}

/** Takes the lock `file`, waiting for it as long as `signal` allows; `onWait` is told once if there is a wait. */
export async function takeLock(file: string, onWait: () => void, signal?: AbortSignal): Promise<Lock> {
  let lock = tryLock(file);
  if (!lock) onWait();
  while (!lock) {
    await sleep(POLL_MS, undefined, signal && { signal });
    lock = tryLock(file);
  }
  return lock;
}
