import { fault } from '../errors/keyturn-error.ts';
import type { ReadSecret } from '../secrets/read-reference.ts';
import { referenceInWords, type SecretReference } from '../secrets/secret-reference.ts';
import type { Keyring } from './keyring.ts';
import { type KeyringContent, parseKeyring } from './keyring-file.ts';
import { exchangeableKeys, lookingWhileUsed, openKeys } from './open-keys.ts';

/** A keyring that is kept where keyturn.yaml says: there is what the keyring file would hold. */
export type DeclaredKeyring = { reference: SecretReference; secret: ReadSecret };

/** How often a process looks whether it was changed. A service is asked here, and paid for. */
const lookEveryMs = 60_000;
/** A value that was sealed with a key that this process does not have is looked into sooner, but not with each of them. */
const lookAgainMs = 5_000;

/**
 * Follows every change, within a minute and without a restart. What cannot be read, or is no keyring, is not followed: the
 * keys from before stay in use.
 *
 * @throws KEYTURN_KEYRING_UNREADABLE, KEYTURN_KEYRING_INVALID, KEYTURN_KMS_FAILED, KEYTURN_STORE_UNAVAILABLE
 */
export async function openDeclaredKeyring(declared: DeclaredKeyring): Promise<Keyring> {
  const first = await readDeclaredKeyring(declared);
  const keys = exchangeableKeys(first, await openKeys(first));
  let known = JSON.stringify(first);
  let lookedAt = Date.now();
  let looking = false;

  const look = async () => {
    if (looking) return;
    looking = true;
    lookedAt = Date.now();
    try {
      const content = await readDeclaredKeyring(declared);
      const now = JSON.stringify(content);
      if (now === known) return;
      await keys.exchange(content, () => true);
      known = now;
    } catch {
      // Asked again with the next look.
    } finally {
      looking = false;
    }
  };

  return lookingWhileUsed(lookEveryMs, () => void look(), {
    get activeId() {
      return keys.activeId;
    },
    key(id) {
      const key = keys.key(id);
      if (key === undefined && Date.now() - lookedAt >= lookAgainMs) void look();
      return key;
    },
  });
}

/** @throws KEYTURN_KEYRING_UNREADABLE, KEYTURN_KEYRING_INVALID, KEYTURN_STORE_UNAVAILABLE */
export async function readDeclaredKeyring({ reference, secret }: DeclaredKeyring): Promise<KeyringContent> {
  const text = await secret(reference, (why) => fault('KEYTURN_KEYRING_UNREADABLE', why));
  return parseKeyring(referenceInWords(reference), text.reveal());
}
