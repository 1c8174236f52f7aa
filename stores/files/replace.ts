import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { tryLock } from '../../files/exclusive-lock.ts';
import { flushFolder } from '../../files/replace-file.ts';
import { Moved } from '../driver.ts';
import { besideFile, digestOf, type SeenFile } from './place-file.ts';

const lockWaitMs = 2_000;

/**
 * Replaces the file in one step by what `content` says; null: takes it away. Killed at any moment, it leaves the old file
 * or the new one, complete. Nothing is awaited between the last look and the rename: a process that is frozen stands
 * before it or behind it. Other Keyturns of this machine wait; an editor is met unless it saves in that very instant.
 *
 * @throws Moved where the file is no longer what was seen; what the file system throws
 */
export function replace(
  { path, stat, digest }: SeenFile,
  content: Buffer | null,
  { mode, mayBeSent, marksPending }: { mode: number; mayBeSent: () => void; marksPending: boolean },
): void {
  const lock = tryLock(lockOf(path), lockWaitMs);
  if (lock === undefined) throw new Moved(path);
  const draft = besideFile(path, 'next');
  try {
    // A process that was killed here left it behind.
    rmSync(draft, { force: true });
    if (content !== null) writeDraft(draft, content, stat, mode);
    mayBeSent();
    if (digestOf(existsSync(path) ? readFileSync(path) : null) !== digest) throw new Moved(path);
    if (marksPending) closeSync(openSync(besideFile(path, 'pending'), 'w', 0o600));
    if (content === null) rmSync(path, { force: true });
    else renameSync(draft, path);
    flushFolder(dirname(path));
  } finally {
    rmSync(draft, { force: true });
    lock.release();
  }
}

/** Nobody but its owner may read it before it has the mode and the owner of the file it replaces. */
function writeDraft(draft: string, content: Buffer, stat: SeenFile['stat'], mode: number): void {
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeSync(descriptor, content);
    if (stat !== null && (stat.uid !== process.getuid?.() || stat.gid !== process.getgid?.())) {
      chownSync(draft, stat.uid, stat.gid);
    }
    chmodSync(draft, stat === null ? mode : stat.mode & 0o7777);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Not in the folder: applications read that. One user's processes share it. */
function lockOf(path: string): string {
  const name = createHash('sha256').update(path).digest('hex').slice(0, 32);
  return join(tmpdir(), `keyturn-locks-${process.getuid?.() ?? 0}`, name);
}
