import { open } from 'node:fs/promises';
import type { DeclaredConnection } from '../config/declared-connection.ts';
import { fault } from '../errors/keyturn-error.ts';
import type { Secret } from '../secrets/secret.ts';
import { managementKeyFrom, maxKeyBytes } from './management-key.ts';

/**
 * The management key that a declared connection points at, as it is now: a file that a secret manager replaces is picked
 * up by the next call. Any mode of the file is taken: containers mount secrets as 0444, and the file is not ours.
 *
 * @throws KEYTURN_CONNECTION_UNREADABLE
 */
export async function declaredKey(
  name: string,
  connection: DeclaredConnection,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Secret> {
  const fromEnv = connection.source === 'env';
  const where = fromEnv ? `environment variable ${connection.variable}` : `file ${connection.path}`;
  const text = fromEnv ? env[connection.variable] : await textOf(connection.path);
  if (text === undefined) throw fault('KEYTURN_CONNECTION_UNREADABLE', name, `${where} is not set`);
  if (typeof text !== 'string') throw fault('KEYTURN_CONNECTION_UNREADABLE', name, `${where} ${text.wrong}`);

  const read = managementKeyFrom(text);
  if ('wrong' in read) throw fault('KEYTURN_CONNECTION_UNREADABLE', name, `${where} holds no key: ${read.wrong}`);
  return read.key;
}

async function textOf(path: string): Promise<string | { wrong: string }> {
  try {
    const handle = await open(path, 'r');
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) return { wrong: 'is not a regular file' };
      if (stat.size > maxKeyBytes) return { wrong: 'is too large for a key' };
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    return { wrong: code === 'ENOENT' ? 'is not there' : `cannot be read (${code})` };
  }
}
