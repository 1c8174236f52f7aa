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
/** A value that was sealed with a key that this process does not have is looked into at once, at most this often, */
const missEveryMs = 1_000;
/** this long, since a workflow task may wait for it, */
const missWaitMs = 3_000;
/** and not again this soon for the same key: it may be gone for ever, or have never been. */
const missedForMs = 10_000;
const missedMost = 200;

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
  let looking: Promise<void> | undefined;
  const missed = new Map<string, number>();

  const look = async () => {
    lookedAt = Date.now();
    try {
      const content = await readDeclaredKeyring(declared);
      const now = JSON.stringify(content);
      if (now === known) return;
      await keys.exchange(content, () => true);
      known = now;
    } catch {
      // Asked again with the next look.
    }
  };
  /** One look at a time, which all wait for. */
  const lookOnce = (notBefore: number) => {
    const waitMs = notBefore - Date.now();
    looking ??= (waitMs > 0 ? pause(waitMs).then(look) : look()).finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const within = (look: Promise<void> | undefined) => Promise.race([look, pause(missWaitMs)]);
  const find = async (id: string) => {
    // One that is under way may have begun before the key was put there: its end alone says nothing.
    if (keys.key(id) === undefined && looking !== undefined) await within(looking);
    if (keys.key(id) === undefined && Date.now() - (missed.get(id) ?? 0) >= missedForMs) {
      missed.delete(id);
      missed.set(id, Date.now());
      const [oldest] = missed.keys();
      if (missed.size > missedMost && oldest !== undefined) missed.delete(oldest);
      await within(lookOnce(lookedAt + missEveryMs));
    }
    return keys.key(id);
  };

  return lookingWhileUsed(lookEveryMs, () => void lookOnce(0), {
    get activeId() {
      return keys.activeId;
    },
    key(id) {
      const key = keys.key(id);
      if (key === undefined) void find(id);
      return key;
    },
    find,
  });
}

/** @throws KEYTURN_KEYRING_UNREADABLE, KEYTURN_KEYRING_INVALID, KEYTURN_STORE_UNAVAILABLE */
export async function readDeclaredKeyring({ reference, secret }: DeclaredKeyring): Promise<KeyringContent> {
  const text = await secret(reference, (why) => fault('KEYTURN_KEYRING_UNREADABLE', why));
  return parseKeyring(referenceInWords(reference), text.reveal());
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
