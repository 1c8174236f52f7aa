import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { KeyturnError } from '../errors/keyturn-error.ts';
import { Secret } from './secret.ts';
import { referenceInWords, type SecretReference } from './secret-reference.ts';

/** The error of whoever needs the secret; `why` completes "… cannot be had: …". */
export type Unreadable = (why: string) => KeyturnError;

/**
 * What a reference leads to, as it is now, without the white space around it and never empty: read anew with each call,
 * since what it leads to is replaced too.
 */
export type ReadSecret = (reference: SecretReference, unreadable: Unreadable) => Promise<Secret>;

/** Far more than any credential or keyring. */
const mostBytes = 64 * 1024;

/** References to the environment and to files. `folder`: what relative paths are meant from. */
export function secretsHere({
  env,
  folder,
}: {
  env: Readonly<Record<string, string | undefined>>;
  folder: string;
}): ReadSecret {
  return async (reference, unreadable) => {
    const where = referenceInWords(reference);
    switch (reference.source) {
      case 'env': {
        const value = env[reference.variable];
        if (value === undefined) throw unreadable(`${where} is not set`);
        return secretIn(value, where, unreadable);
      }
      case 'file':
        return secretIn(await textOf(resolve(folder, reference.path), where, unreadable), where, unreadable);
      case 'store':
        throw unreadable(`${where} is out of reach here`);
    }
  };
}

/** @throws what `unreadable` makes, where there is nothing in the text */
export function secretIn(text: string, where: string, unreadable: Unreadable): Secret {
  const value = text.trim();
  if (value === '') throw unreadable(`${where} is empty`);
  return new Secret(value);
}

/** Any mode of the file is taken: containers mount secrets as 0444, and the file is not ours. */
async function textOf(path: string, where: string, unreadable: Unreadable): Promise<string> {
  try {
    const handle = await open(path, 'r');
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw unreadable(`${where} is not a regular file`);
      if (stat.size > mostBytes) throw unreadable(`${where} is too large for a secret`);
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (syscall === undefined) throw cause;
    throw unreadable(code === 'ENOENT' ? `${where} is not there` : `${where} cannot be read (${code})`);
  }
}
