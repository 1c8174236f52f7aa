import { fault, KeyturnError } from '../../errors/keyturn-error.ts';
import { Moved } from '../driver.ts';
import { inWords, type Spot } from '../store.ts';
import { Locked } from './lock.ts';
import { NotToBeWritten } from './real-path.ts';

/** Answers, or throws what the file system, or a rule of ours, has against it, in words of ours: its own have paths only. */
export async function inOurWords<T>(store: string, spot: Spot, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Moved || error instanceof KeyturnError) throw error;
    if (error instanceof NotToBeWritten) throw fault('KEYTURN_STORE_REFUSED', store, inWords(spot), error.message);
    if (error instanceof Locked) {
      const why = `another Keyturn has ${error.message}; a process that is frozen keeps it until it goes on or is ended`;
      throw fault('KEYTURN_STORE_UNAVAILABLE', store, why);
    }
    const code = codeOf(error);
    const refused = refusedCodes[code];
    if (refused !== undefined) throw fault('KEYTURN_STORE_REFUSED', store, inWords(spot), `${refused} (${code})`);
    throw fault('KEYTURN_STORE_UNAVAILABLE', store, `${unavailableCodes[code] ?? 'the file system refuses'} (${code})`);
  }
}

/** Why it is a matter of rights, as the end of a sentence; null: it is none. */
export function notAllowed(error: unknown): string | null {
  const code = codeOf(error);
  return code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? (refusedCodes[code] ?? null) : null;
}

function codeOf(error: unknown): string {
  const { code, errcode } = error as NodeJS.ErrnoException & { errcode?: number };
  // SQLite's "unable to open": the lock belongs to another user.
  if (code === 'ERR_SQLITE_ERROR') return errcode === 14 ? 'EACCES' : 'EIO';
  return code ?? 'unknown';
}

const mounted = 'it is mounted by itself, so that it cannot be replaced; mount its folder instead';

const refusedCodes: Readonly<Record<string, string>> = {
  EACCES: 'Keyturn may not read or write it, its folder or the lock there',
  EPERM: 'Keyturn may not replace it and keep its owner; let it run as the owner of the file, or as root',
  EROFS: 'its file system is read-only',
  EBUSY: mounted,
  EXDEV: mounted,
  ENOTDIR: 'a part of its path is no folder',
  ELOOP: 'it has become a link',
  ENAMETOOLONG: 'its name is too long',
};

const unavailableCodes: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; the file is as it was',
  EDQUOT: 'the quota is used up; the file is as it was',
  EIO: 'the disk cannot be read or written',
};
