import type { DeclaredConnection } from '../config/declared-connection.ts';
import { fault } from '../errors/keyturn-error.ts';
import type { ReadSecret, Unreadable } from '../secrets/read-reference.ts';
import type { Secret } from '../secrets/secret.ts';
import { referenceInWords } from '../secrets/secret-reference.ts';
import { managementKeyFrom } from './management-key.ts';

/**
 * The management key that a declared connection points at, as it is now: one that was replaced is picked up by the next
 * call.
 *
 * @throws KEYTURN_CONNECTION_UNREADABLE
 * @throws KEYTURN_STORE_UNAVAILABLE the store that holds it does not answer
 */
export async function declaredKey(name: string, connection: DeclaredConnection, secret: ReadSecret): Promise<Secret> {
  const unreadable: Unreadable = (why) => fault('KEYTURN_CONNECTION_UNREADABLE', name, why);
  const read = managementKeyFrom((await secret(connection, unreadable)).reveal());
  if ('wrong' in read) throw unreadable(`${referenceInWords(connection)} holds no key: ${read.wrong}`);
  return read.key;
}
