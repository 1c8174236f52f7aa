import { existsSync, lstatSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, normalize, resolve } from 'node:path';

/** Why a file is not to be written, as the end of a sentence. */
export class NotToBeWritten extends Error {
  override readonly name = 'NotToBeWritten';
}

/** As many as Linux follows. */
const mostLinks = 40;

/**
 * Where a place's file really is, whether it is there or not. Links are followed and stay what they are, as long as they
 * stay below the folder: who may make links in it must not choose what Keyturn writes to elsewhere.
 *
 * @throws NotToBeWritten; what the file system throws
 */
export function realPath(folder: string, name: string): string {
  const below = normalize(name);
  if (/\p{Cc}/u.test(name)) throw new NotToBeWritten('its name is no name of a file');
  if (below.startsWith('/') || below === '.' || below.split('/').includes('..')) {
    throw new NotToBeWritten('its name leads out of the folder');
  }
  if (isOurs(basename(below))) throw new NotToBeWritten('that is a file of Keyturn itself');
  const base = realFolder(folder);
  let path = join(base, below);
  for (let links = 0; links < mostLinks; links++) {
    const named = join(realFolder(dirname(path)), basename(path));
    refuseMounted(named);
    if (lstatSync(named, { throwIfNoEntry: false })?.isSymbolicLink() !== true) {
      if (named.startsWith(base === '/' ? base : `${base}/`)) return named;
      throw new NotToBeWritten(`it is a link out of ${base}, to ${named}; declare a folder that has both`);
    }
    path = resolve(dirname(named), readlinkSync(named));
  }
  throw new NotToBeWritten('its links lead in a circle');
}

function realFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new NotToBeWritten(`there is no folder ${path}`);
  }
}

/** Who mounts such a file, or puts links of its own in its place, would not see the new one. */
function refuseMounted(path: string): void {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(join(folder, '..data'))) {
      throw new NotToBeWritten('it is a volume that Kubernetes fills; let a store of kind kubernetes write the Secret');
    }
    if (folder === '/') break;
  }
  if (mountPoints().has(path)) {
    throw new NotToBeWritten('it is mounted by itself, so that nobody would see it replaced; mount its folder instead');
  }
}

function mountPoints(): Set<string> {
  try {
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    return new Set(lines.map((line) => unescaped(line.split(' ')[4] ?? '')));
  } catch {
    // Elsewhere than on Linux: then the rename says so (EBUSY).
    return new Set();
  }
}

/** The kernel writes spaces and the like as octal numbers. */
function unescaped(mountPoint: string): string {
  return mountPoint.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** The draft of a replacement, and the mark that something is still to be done after one. */
export function besideFile(path: string, what: 'next' | 'pending'): string {
  const name = basename(path);
  // What hides `.env.local` from git and from listings hides this.
  return join(dirname(path), `${name.startsWith('.') ? '' : '.'}${name}.keyturn-${what}`);
}

/** One for all files of a folder. Beside them, as containers that share a folder share nothing else. */
export function lockIn(folder: string): string {
  return join(folder, '.keyturn-lock');
}

function isOurs(name: string): boolean {
  return /\.keyturn-(next|pending|lock)$/.test(name);
}
