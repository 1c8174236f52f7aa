import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { takeLock } from '../files/exclusive-lock.ts';
import type { Progress } from './progress.ts';

/**
 * Runs `fetch` with an empty folder inside the cache, in one process at a time; others wait for it to end.
 * What `fetch` wants to keep it moves out of the folder; the rest is removed, also what a killed process left there.
 *
 * @param name of the thing fetched: the lock and the folder are named after it
 */
export async function fetchOnce<Found>(
  name: string,
  { cacheDir, progress, signal }: { cacheDir: string; progress: Progress; signal?: AbortSignal },
  fetch: (workshop: string) => Promise<Found>,
): Promise<Found> {
  const waiting = () => progress.step(`Another process is fetching ${name}; waiting for it`);
  const lock = await takeLock(join(cacheDir, `${name}.lock`), waiting, signal);
  const workshop = join(cacheDir, `${name}.fetching`);
  const clear = () => rm(workshop, { recursive: true, force: true });
  try {
    await clear();
    await mkdir(workshop);
    return await fetch(workshop);
  } finally {
    await clear();
    lock.release();
  }
}
