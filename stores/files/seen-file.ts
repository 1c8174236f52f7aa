import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import { NotToBeWritten, realPath } from './real-path.ts';

/** A file as it was seen. */
export type SeenFile = {
  /** Where it really is. */
  path: string;
  /** null: there is none. */
  content: Buffer | null;
  stat: BigIntStats | null;
  /** Changes with every replacement, and with whatever an editor does to the file; null: there is none. */
  version: string | null;
};

const mostBytes = 1024 * 1024;

/** @throws NotToBeWritten; what the file system throws */
export function seeFile(folder: string, name: string): SeenFile {
  const path = realPath(folder, name);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return { path, content: null, stat: null, version: null };
  if (found.isDirectory()) throw new NotToBeWritten('it is a folder');
  // Not opened: a device may do something where it is, and a pipe waits for its other end.
  if (!found.isFile()) throw new NotToBeWritten('it is no regular file');
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor, { bigint: true });
    if (stat.size > mostBytes) throw new NotToBeWritten('it is larger than 1 MiB');
    const content = readFileSync(descriptor);
    return { path, content, stat, version: versionOf(content, stat) };
  } finally {
    closeSync(descriptor);
  }
}

/** Its inode and times tell a file that was put back from one that was never touched; `ctime` nobody can set. */
function versionOf(content: Buffer, { ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  const hash = createHash('sha256').update([ino, size, mtimeNs, ctimeNs].join(' ')).update('\0').update(content);
  return hash.digest('hex').slice(0, 16);
}
