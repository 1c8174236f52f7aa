import { createSecretKey, type KeyObject } from 'node:crypto';
import { fault } from '../errors/keyturn-error.ts';
import type { Keyring } from './keyring.ts';
import {
  type KeyringContent,
  keyringOfOne,
  makeKeyringFile,
  newKeyId,
  newPlainKey,
  parseKeyring,
  type ReadKeyring,
  readKeyringFile,
  stampOf,
  type WrappedKey,
} from './keyring-file.ts';
import { unwrapKey } from './kms-keyring.ts';

/** Where a keyring is looked for: KEYTURN_KEYRING of `env`, which holds what the file would hold; else in `file`. */
export type KeyringPlace = { env: Readonly<Record<string, string | undefined>>; file: string };

/** How often a process looks whether its keyring file was changed; it follows within this time. */
const lookEveryMs = 1_000;

/**
 * The keyring of a process. Of a file it follows every change, within a second and without a restart; a change that
 * cannot be read is not followed. What the environment holds stays as it is until the process ends. Keys that AWS KMS
 * has wrapped are unwrapped here, and held in memory from then on.
 *
 * @param options.make true for a worker: a keyring of one fresh key is made where there is none, mode 0600; several
 *   processes that start at once end with one and the same. false for everything else: a client with a keyring of its
 *   own making would write what no worker can read.
 * @throws KEYTURN_KEYRING_MISSING there is none, and `make` is false
 * @throws KEYTURN_KEYRING_INVALID others than its owner may read the file, it cannot be read or made, or is no keyring
 * @throws KEYTURN_KMS_FAILED
 */
export async function openKeyringFrom({ make, ...place }: KeyringPlace & { make: boolean }): Promise<Keyring> {
  const held = heldInEnvironment(place);
  if (held !== undefined) {
    const keys = await opened(held);
    return { activeId: held.activeId, key: (id) => keys.get(id) };
  }
  const { file } = place;
  if (make && stampOf(file) === undefined) {
    makeKeyringFile(file, keyringOfOne(newKeyId(), newPlainKey(), new Date()));
  }
  // Not what was just made: another process may have been first.
  const read = readKeyringFile(file);
  if (read === undefined) throw fault('KEYTURN_KEYRING_MISSING', file);
  return followed(file, read, await opened(read.content));
}

/** What the place holds, as it is written there. @throws KEYTURN_KEYRING_MISSING, KEYTURN_KEYRING_INVALID */
export function readKeyring(place: KeyringPlace): { source: 'environment' | 'file'; content: KeyringContent } {
  const held = heldInEnvironment(place);
  if (held !== undefined) return { source: 'environment', content: held };
  const read = readKeyringFile(place.file);
  if (read === undefined) throw fault('KEYTURN_KEYRING_MISSING', place.file);
  return { source: 'file', content: read.content };
}

function heldInEnvironment({ env }: KeyringPlace): KeyringContent | undefined {
  return env.KEYTURN_KEYRING ? parseKeyring('KEYTURN_KEYRING', env.KEYTURN_KEYRING) : undefined;
}

/** Keys by id; those that KMS has still to unwrap are missing. */
type Keys = Map<string, KeyObject>;

async function opened(content: KeyringContent): Promise<Keys> {
  const keys = plainKeys(content);
  await Promise.all(
    wrappedKeys(content).map(async ([id, wrapped]) => keys.set(id, keyFrom(await unwrapKey(id, wrapped)))),
  );
  return keys;
}

/** @param first the keys of `read`, all open */
function followed(file: string, read: ReadKeyring, first: Keys): Keyring {
  let { stamp } = read;
  let { activeId } = read.content;
  let keys = first;

  const use = (content: KeyringContent, next: Keys) => {
    // KMS may not have unwrapped the new active key yet: until then the one from before is used, whatever became of it.
    const active = next.get(content.activeId) ?? keys.get(activeId);
    if (next.has(content.activeId)) activeId = content.activeId;
    keys = active === undefined ? next : next.set(activeId, active);
  };
  const follow = async ({ content, stamp: of }: ReadKeyring) => {
    const next = plainKeys(content);
    const missing = [];
    for (const [id, wrapped] of wrappedKeys(content)) {
      const known = keys.get(id);
      if (known) next.set(id, known);
      else missing.push([id, wrapped] as const);
    }
    use(content, next);
    for (const [id, wrapped] of missing) next.set(id, keyFrom(await unwrapKey(id, wrapped)));
    if (missing.length > 0 && stamp === of) use(content, next);
  };
  const look = () => {
    try {
      const now = stampOf(file);
      if (now === undefined || now === stamp) return;
      const changed = readKeyringFile(file);
      if (changed === undefined) return;
      stamp = changed.stamp;
      follow(changed).catch(() => {
        // KMS did not answer: asked again with the next look.
        stamp = '';
      });
    } catch {
      // What is there now is no keyring: the one from before goes on being used.
    }
  };

  return lookingWhileUsed(look, {
    get activeId() {
      return activeId;
    },
    key(id) {
      if (!keys.has(id)) look();
      return keys.get(id);
    },
  });
}

/** Looks again and again, until nobody has the keyring any more. */
function lookingWhileUsed(look: () => void, keyring: Keyring): Keyring {
  const used = new WeakRef(keyring);
  const timer = setInterval(() => (used.deref() ? look() : clearInterval(timer)), lookEveryMs);
  timer.unref();
  return keyring;
}

function plainKeys({ keys }: KeyringContent): Keys {
  const plain = Object.entries(keys).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return new Map(plain.map(([id, encoded]) => [id, keyFrom(Buffer.from(encoded, 'base64'))]));
}

function wrappedKeys({ keys }: KeyringContent): [string, WrappedKey][] {
  return Object.entries(keys).filter((entry): entry is [string, WrappedKey] => typeof entry[1] !== 'string');
}

/** A KeyObject prints no bytes; those it was made from are overwritten. */
function keyFrom(bytes: Buffer): KeyObject {
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

/**
 * Opens the keyring of `file` whatever the environment says, and makes one where there is none: for benchmarks and tests.
 * Programs use `openKeyringFrom`.
 */
export function openKeyring(file: string): Promise<Keyring> {
  return openKeyringFrom({ env: {}, file, make: true });
}
