import {
  baseUrl as baseUrlForm,
  connectionName,
  requestsPerSecond as paceForm,
} from '../config/declared-connection.ts';
import { managementKeyFrom } from '../connections/management-key.ts';
import { fault } from '../errors/keyturn-error.ts';
import type { Secret } from '../secrets/secret.ts';

/**
 * The management key out of what was typed or piped, once name, key, base URL and pace can be ones: before the key is sent
 * anywhere, since in clear it goes to this machine only.
 *
 * @throws KEYTURN_USAGE the name, key, base URL or pace cannot be one; shows none of them, a key may be in the wrong place
 */
export function managementKeyForm(
  name: string,
  typed: string,
  { baseUrl, requestsPerSecond }: { baseUrl?: string | undefined; requestsPerSecond?: number | undefined },
): Secret {
  const key = managementKeyFrom(typed);
  const wrong = [
    ...wordsOf('The name', connectionName.safeParse(name)),
    ...(baseUrl === undefined ? [] : wordsOf('The base URL', baseUrlForm.safeParse(baseUrl))),
    ...(requestsPerSecond === undefined ? [] : wordsOf('--requests-per-second', paceForm.safeParse(requestsPerSecond))),
  ];
  if ('wrong' in key) wrong.push(`What was given is not a management key: ${key.wrong}.`);
  else if (wrong.length === 0) return key.key;
  throw fault('KEYTURN_USAGE', wrong.join(' '));
}

function wordsOf(what: string, { error }: { error?: { issues: { message: string }[] } | undefined }): string[] {
  return error === undefined ? [] : error.issues.slice(0, 1).map(({ message }) => `${what} ${message}.`);
}
