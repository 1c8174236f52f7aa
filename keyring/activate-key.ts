import { setTimeout as sleep } from 'node:timers/promises';
import { withActive } from './keyring-changes.ts';
import { changeKeyringFile, type KeyringContent } from './keyring-file.ts';

/** By then every running worker has looked into the file (1 s) and KMS has unwrapped the key for it. */
const knownEverywhereMs = 5_000;

/**
 * Makes a key of the file the active one. `waiting`: told where that has to wait until running workers know the key.
 *
 * @param content what the file holds, the key among it
 */
export async function activateKey(
  file: string,
  content: KeyringContent,
  id: string,
  waiting: () => void,
): Promise<void> {
  // A plain key is read the moment it is missed. KMS has to be asked for a wrapped one, so it must be known before.
  const ageMs = Date.now() - Date.parse(content.madeAt[id] ?? '');
  if (typeof content.keys[id] === 'object' && ageMs < knownEverywhereMs) {
    waiting();
    await sleep(knownEverywhereMs - ageMs);
  }
  changeKeyringFile(file, (now) => withActive(now, id, new Date()));
}
