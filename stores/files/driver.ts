import { accessSync, constants } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fault, KeyturnError } from '../../errors/keyturn-error.ts';
import { Secret } from '../../secrets/secret.ts';
import { type Driver, Moved, type Put, type Seen, type Sending } from '../driver.ts';
import type { StoreContext } from '../kind.ts';
import type { StorePromises } from '../promises.ts';
import { inWords, type Memento, type Right, type Spot } from '../store.ts';
import { doAfterWrite } from './after-write.ts';
import type { DeclaredFiles } from './declaration.ts';
import { NotToBeWritten, type SeenFile, seeFile } from './place-file.ts';
import { replace } from './replace.ts';

export type FileSight = Seen & { file: SeenFile };

/** How a file holds a secret: as a line of it, or as all of it. Throws `NotToBeWritten`. */
export type Format = {
  read: (file: Buffer | null, field: string | null) => { value: string | null; memento: Memento };
  /** The whole new content; null: the file goes. */
  written: (file: Buffer | null, field: string | null, value: string) => Buffer;
  putBack: (file: Buffer | null, field: string | null, memento: Memento) => Buffer | null;
};

/** A driver for files below a folder, whatever their format. */
export function fileDriver(
  kind: string,
  declared: DeclaredFiles,
  { name, folder }: Pick<StoreContext, 'name' | 'folder'>,
  { format, promises }: { format: Format; promises: StorePromises },
): Driver<FileSight> {
  const base = resolve(folder, declared.folder);
  const { mode = 0o600 } = declared;
  const afterWrite =
    declared.afterWrite !== undefined && 'pidFile' in declared.afterWrite
      ? { ...declared.afterWrite, pidFile: resolve(folder, declared.afterWrite.pidFile) }
      : declared.afterWrite;

  async function finish(path: string): Promise<void> {
    const why = await doAfterWrite(afterWrite, path);
    if (why !== null) throw fault('KEYTURN_STORE_UNAVAILABLE', name, why);
  }

  /** With what the file system says in words of ours: its own name the draft. */
  async function inOurWords<T>(spot: Spot, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Moved || error instanceof KeyturnError) throw error;
      if (error instanceof NotToBeWritten) throw fault('KEYTURN_STORE_REFUSED', name, inWords(spot), error.message);
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      const terminal = terminalCodes[code];
      if (terminal !== undefined) throw fault('KEYTURN_STORE_REFUSED', name, inWords(spot), `${terminal} (${code})`);
      throw fault('KEYTURN_STORE_UNAVAILABLE', name, `${transientCodes[code] ?? 'the file system refuses'} (${code})`);
    }
  }

  function change(spot: Spot, { file }: FileSight, content: Buffer | null, sending: Sending): Promise<Put> {
    return inOurWords(spot, async () => {
      const { mayBeSent } = sending;
      replace(file, content, { mode, mayBeSent, marksPending: afterWrite !== undefined });
      await finish(file.path);
      return { version: seeFile(base, spot.name).version, approval: null };
    });
  }

  const look = (spot: Spot): Promise<FileSight> =>
    inOurWords(spot, async () => {
      const file = seeFile(base, spot.name);
      await finish(file.path);
      const { value, memento } = format.read(file.content, spot.field);
      return { file, value: value === null ? null : new Secret(value), version: file.version, memento };
    });

  return {
    name,
    kind,
    promises: { ...promises, readersFollow: declared.readersFollow ?? promises.readersFollow },
    addressOf: (spot) => inOurWords(spot, async () => `file ${hostname()} ${seeFile(base, spot.name).path}`),
    async check(spot) {
      const sight = await look(spot);
      format.written(sight.file.content, spot.field, 'x');
      return { rights: writable(sight.file.path), refusal: null, warnings: [] };
    },
    look,
    put: (spot, value, over, sending) =>
      inOurWords(spot, async () => {
        const content = format.written(over.file.content, spot.field, value.reveal());
        return change(spot, over, content, sending);
      }),
    putBack: (spot, memento, over, sending) =>
      change(spot, over, format.putBack(over.file.content, spot.field, memento), sending),
    takeAway: (spot, over, sending) => change(spot, over, format.putBack(over.file.content, spot.field, null), sending),
  };
}

/** A file is replaced by another one: what counts is the folder. */
function writable(path: string): Right[] {
  const folder = dirname(path);
  let granted = true;
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch {
    granted = false;
  }
  return [{ right: `write on the folder ${folder}`, to: 'replace the file', granted }];
}

const terminalCodes: Readonly<Record<string, string>> = {
  EACCES: 'Keyturn may not read or write it, or not its folder',
  EPERM: 'Keyturn may not keep its owner and mode',
  EROFS: 'its file system is read-only',
  EBUSY: 'it is mounted by itself; mount its folder instead',
  EXDEV: 'it is mounted by itself; mount its folder instead',
  ELOOP: 'its links lead in a circle',
  ENOTDIR: 'a part of its path is no folder',
};

const transientCodes: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EIO: 'the disk cannot be read',
};
