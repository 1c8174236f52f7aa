import { chownSync, closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Replaces what `file` holds in one step, on disk when this returns. Killed at any moment, it leaves what was there before
 * or what is there after. Mode 0600, and the owner stays who it was. One process at a time (exclusive-lock.ts).
 */
export function replaceFile(file: string, text: string): void {
  const draft = `${file}.next`;
  // A process that was killed here left it behind.
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { flag: 'wx', mode: 0o600, flush: true });
  const before = statSync(file, { throwIfNoEntry: false });
  // Changed by root, it must go on being the worker's.
  if (before !== undefined) chownSync(draft, before.uid, before.gid);
  renameSync(draft, file);
  flushFolder(dirname(file));
}

/** Names that were given in it are on disk when this returns. */
export function flushFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
