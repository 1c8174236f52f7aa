import { z } from 'zod';
import { fieldWords } from '../../errors/field-words.ts';
import type { ReadersFollow } from '../promises.ts';
import { readersFollow } from '../readers-follow.ts';

/** What happens once a file has changed. */
export type AfterWrite = { command: string[] } | { pidFile: string; signal: (typeof signals)[number] };

export type Owner = { uid: number; gid: number };

/** A folder of files that applications read. A place's name is a file below it. */
export type DeclaredFiles = {
  folder: string;
  /** Of a file that is made. */
  mode?: number | undefined;
  owner?: Owner | undefined;
  afterWrite?: AfterWrite | undefined;
  readersFollow?: ReadersFollow | undefined;
};

const signals = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTERM'] as const;

const folderWords = fieldWords('is not a path to a folder', 'one that begins with / or ./ or ../');
const modeWords = fieldWords('is not the mode of a file', '"0600" to "0666", in quotes');
const ownerWords = fieldWords('is not the owner of a file', 'user and group by number, in quotes: "1000:1000"');
const commandWords = fieldWords(
  'is not a command',
  'a program and its arguments, each by itself: [systemctl, reload, app]',
);
const signalWords = fieldWords('is not a signal', 'SIGHUP, SIGUSR1, SIGUSR2 or SIGTERM');
const afterWords = { error: 'is nothing to do; { command: [program, …] } or { pidFile: PATH, signal: SIGHUP }' };

export const filesFields = ['kind', 'folder', 'mode', 'owner', 'afterWrite', 'readersFollow'] as const;

export const filesShape = {
  folder: z.string(folderWords).regex(/^\.{0,2}\/\P{Cc}*$/u, folderWords),
  mode: z
    .string(modeWords)
    .regex(/^0?[0-6][0-6][0-6]$/, modeWords)
    .transform((text) => Number.parseInt(text, 8))
    .optional(),
  owner: z
    .string(ownerWords)
    .regex(/^\d{1,9}:\d{1,9}$/, ownerWords)
    .transform((text): Owner => {
      const [uid, gid] = text.split(':').map(Number);
      return { uid: uid ?? 0, gid: gid ?? 0 };
    })
    .optional(),
  afterWrite: z
    .union(
      [
        z.strictObject({ command: z.array(z.string(commandWords).min(1, commandWords)).min(1, commandWords) }),
        z.strictObject({
          pidFile: z.string(folderWords).regex(/^\.{0,2}\//, folderWords),
          signal: z.enum(signals, signalWords),
        }),
      ],
      afterWords,
    )
    .optional(),
  readersFollow: readersFollow.optional(),
};
