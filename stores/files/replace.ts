import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { flushFolder } from '../../files/replace-file.ts';
import { Moved } from '../driver.ts';
import type { Owner } from './declaration.ts';
import { besideFile } from './real-path.ts';
import type { SeenFile } from './seen-file.ts';

export type Replacement = {
  /** null: the file goes. */
  content: Buffer | null;
  /** Of a file that is made; else it keeps its own. */
  mode: number;
  owner: Owner | undefined;
  /** Whether something is to be done afterwards (after-write.ts). */
  isMarked: boolean;
  mayBeSent: () => void;
  seeAgain: () => SeenFile;
};

/**
 * Replaces a file in one step, under the lock of its folder. Killed at any moment, it leaves the old file or the new one,
 * complete. Nothing is awaited: a process that is frozen here has the lock. An editor is met unless it saves between the
 * last look and the rename right after it.
 *
 * @throws Moved where the file is no longer what was seen; what the file system throws
 */
export function replace({ path, stat, version }: SeenFile, replacement: Replacement): void {
  const { content, isMarked, mayBeSent, seeAgain } = replacement;
  const draft = besideFile(path, 'next');
  const mark = besideFile(path, 'pending');
  const folder = dirname(path);
  const wasMarked = existsSync(mark);
  let isReplaced = false;
  try {
    // A process that was killed here left it behind.
    rmSync(draft, { force: true });
    if (content !== null) writeDraft(draft, content, stat, replacement);
    if (isMarked) {
      writeFileSync(mark, randomUUID(), { mode: 0o600, flush: true });
      // Else a machine that loses its power could remember the new file and not the mark.
      flushFolder(folder);
    }
    const now = seeAgain();
    if (now.path !== path || now.version !== version) throw new Moved(path);
    mayBeSent();
    if (content === null) rmSync(path, { force: true });
    else renameSync(draft, path);
    isReplaced = true;
    flushFolder(folder);
  } finally {
    rmSync(draft, { force: true });
    if (isReplaced ? !isMarked : !wasMarked) rmSync(mark, { force: true });
  }
}

/** Nobody but its owner may read it before it has the mode and the owner of the file it replaces. */
function writeDraft(draft: string, content: Buffer, old: SeenFile['stat'], { mode, owner }: Replacement): void {
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    // Unlike `writeSync` it goes on where a disk that is nearly full has taken a part.
    writeFileSync(descriptor, content);
    const is = fstatSync(descriptor);
    const uid = old === null ? (owner?.uid ?? is.uid) : Number(old.uid);
    const gid = old === null ? (owner?.gid ?? is.gid) : Number(old.gid);
    if (uid !== is.uid || gid !== is.gid) fchownSync(descriptor, uid, gid);
    fchmodSync(descriptor, old === null ? mode : Number(old.mode & 0o7777n));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** What distinguishes one mark from the next; null: nothing is to be done. */
export function markOf(path: string): string | null {
  try {
    return readFileSync(besideFile(path, 'pending'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
