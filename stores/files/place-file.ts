import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';

/** A file as it was seen. `content` null: there is none. */
export type SeenFile = {
  /** Where it really is: a link is followed, and stays. */
  path: string;
  content: Buffer | null;
  stat: Stats | null;
  digest: string;
  /** Changes with every replacement, and with every write of an editor. */
  version: string | null;
};

/** Why a file is not to be written, as the end of a sentence. */
export class NotToBeWritten extends Error {
  override readonly name = 'NotToBeWritten';
}

const mostBytes = 1024 * 1024;

/** @throws NotToBeWritten; what the file system throws */
export function seeFile(folder: string, name: string): SeenFile {
  const path = realPath(folder, name);
  const stat = statSync(path, { throwIfNoEntry: false }) ?? null;
  if (stat === null) return { path, content: null, stat, digest: '', version: null };
  if (!stat.isFile()) throw new NotToBeWritten('it is no regular file');
  if (stat.size > mostBytes) throw new NotToBeWritten('it is larger than 1 MiB');
  const content = readFileSync(path);
  const { ino, size, mtimeMs } = stat;
  return { path, content, stat, digest: digestOf(content), version: `${ino}.${size}.${mtimeMs}` };
}

export function digestOf(content: Buffer | null): string {
  return content === null ? '' : createHash('sha256').update(content).digest('hex');
}

function realPath(folder: string, name: string): string {
  const below = normalize(name);
  if (below.startsWith('/') || below === '.' || below.split('/').includes('..')) {
    throw new NotToBeWritten('its name leads out of the folder');
  }
  const named = join(folder, below);
  if (!existsSync(dirname(named))) throw new NotToBeWritten(`there is no folder ${dirname(named)}`);
  refuseMounted(named);
  if (lstatSync(named, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return named;
  const target = realpathSync(named);
  refuseMounted(target);
  return target;
}

/** Who mounts such a file, or puts links of its own in its place, would not see the new one. */
function refuseMounted(path: string): void {
  if (existsSync(join(dirname(path), '..data'))) {
    throw new NotToBeWritten('it is a volume that Kubernetes fills; let a store of kind kubernetes write the Secret');
  }
  if (mountPoints().has(path)) {
    throw new NotToBeWritten(`it is mounted by itself, so that nobody would see it replaced; mount its folder instead`);
  }
}

function mountPoints(): Set<string> {
  try {
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    return new Set(lines.map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' ')));
  } catch {
    // Elsewhere than on Linux: then the rename says so (EBUSY).
    return new Set();
  }
}

/** The draft of a replacement, and the mark that something is still to be done after one. */
export function besideFile(path: string, what: 'next' | 'pending'): string {
  return join(dirname(path), `.${basename(path)}.keyturn-${what}`);
}
