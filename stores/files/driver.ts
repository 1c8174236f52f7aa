import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fault } from '../../errors/keyturn-error.ts';
import { Secret } from '../../secrets/secret.ts';
import type { Driver, Put, Seen, Sending } from '../driver.ts';
import type { StoreContext } from '../kind.ts';
import type { StorePromises } from '../promises.ts';
import type { Memento, Spot, StoreCheck } from '../store.ts';
import { doAfterWrite } from './after-write.ts';
import { rightsFor, warningsOf } from './check.ts';
import type { DeclaredFiles } from './declaration.ts';
import { inOurWords, notAllowed } from './file-errors.ts';
import { awaitLock, lockFolder } from './lock.ts';
import { NotToBeWritten, realPath } from './real-path.ts';
import { replace } from './replace.ts';
import { type SeenFile, seeFile } from './seen-file.ts';

export type FileSight = Seen & { file: SeenFile };

/** How a file holds a secret: as a line of it, or as all of it. Throws `NotToBeWritten`. `file` null: there is none. */
export type Format = {
  read: (file: Buffer | null, field: string | null) => { value: string | null; memento: Memento };
  /** The whole new content. */
  written: (file: Buffer | null, field: string | null, value: string) => Buffer;
  /** null: the file goes. */
  putBack: (file: Buffer | null, field: string | null, memento: Memento) => Buffer | null;
  takenAway: (file: Buffer | null, field: string | null) => Buffer | null;
  /** What a person should know of the file. */
  warnings: (file: Buffer | null, field: string | null) => string[];
};

/** Stands for a value where `check` tries what would be written. */
const placeholder = 'x';

/** A driver for files below a folder, whatever their format. */
export function fileDriver(
  kind: string,
  declared: DeclaredFiles,
  { name, folder }: Pick<StoreContext, 'name' | 'folder'>,
  { format, promises }: { format: Format; promises: StorePromises },
): Driver<FileSight> {
  const base = resolve(folder, declared.folder);
  const { mode = 0o600, owner } = declared;
  const afterWrite =
    declared.afterWrite !== undefined && 'pidFile' in declared.afterWrite
      ? { ...declared.afterWrite, pidFile: resolve(folder, declared.afterWrite.pidFile) }
      : declared.afterWrite;

  const inWordsOf = <T>(spot: Spot, work: () => T | Promise<T>) => inOurWords(name, spot, work);

  function sightOf(file: SeenFile, spot: Spot): FileSight {
    const { value, memento } = format.read(file.content, spot.field);
    return { file, value: value === null ? null : new Secret(value), version: file.version, memento };
  }

  const change = (
    spot: Spot,
    { file }: FileSight,
    { mayBeSent }: Sending,
    content: () => Buffer | null,
  ): Promise<Put> =>
    inWordsOf(spot, async () => {
      const lock = await lockFolder(dirname(file.path));
      try {
        const seeAgain = () => seeFile(base, spot.name);
        const isMarked = afterWrite !== undefined;
        replace(file, { content: content(), mode, owner, isMarked, mayBeSent, seeAgain });
        return { version: seeAgain().version, approval: null };
      } finally {
        lock.release();
      }
    });

  return {
    name,
    kind,
    promises: { ...promises, readersFollow: declared.readersFollow ?? promises.readersFollow },
    addressOf: (spot) => inWordsOf(spot, () => `file ${hostname()} ${realPath(base, spot.name)}`),

    check: (spot): Promise<StoreCheck> =>
      inWordsOf(spot, () => {
        try {
          const file = seeFile(base, spot.name);
          format.written(file.content, spot.field, placeholder);
          const warnings = [...warningsOf(file), ...format.warnings(file.content, spot.field)];
          return { rights: rightsFor(file, afterWrite, folder), refusal: null, warnings };
        } catch (error) {
          if (error instanceof NotToBeWritten) return { rights: [], refusal: error.message, warnings: [] };
          if (notAllowed(error) === null) throw error;
          const right = { right: `read ${resolve(base, spot.name)}`, to: 'see what it holds', granted: false };
          return { rights: [right], refusal: null, warnings: [] };
        }
      }),

    look: (spot) =>
      inWordsOf(spot, async () => {
        // One that was frozen in the middle may still put its file there: what is seen now would not stay.
        await awaitLock(dirname(realPath(base, spot.name)));
        return sightOf(seeFile(base, spot.name), spot);
      }),

    put: (spot, value, over, sending) =>
      change(spot, over, sending, () => format.written(over.file.content, spot.field, value.reveal())),
    putBack: (spot, memento, over, sending) =>
      change(spot, over, sending, () => format.putBack(over.file.content, spot.field, memento)),
    takeAway: (spot, over, sending) =>
      change(spot, over, sending, () => format.takenAway(over.file.content, spot.field)),

    ...(afterWrite === undefined
      ? {}
      : {
          settle: (spot: Spot) =>
            inWordsOf(spot, async () => {
              const why = await doAfterWrite(afterWrite, realPath(base, spot.name), folder);
              if (why !== null) throw fault('KEYTURN_STORE_UNAVAILABLE', name, why);
            }),
        }),
  };
}
