import { fault } from '../errors/keyturn-error.ts';
import type { SecretReference } from '../secrets/secret-reference.ts';
import { type DeclaredKeyring, openDeclaredKeyring, readDeclaredKeyring } from './declared-keyring.ts';
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
} from './keyring-file.ts';
import { exchangeableKeys, type Keys, lookingWhileUsed, openKeys } from './open-keys.ts';

/**
 * Where a keyring is looked for: KEYTURN_KEYRING of `env`, which holds what the file would hold; else where keyturn.yaml
 * declares it; else in `file`.
 */
export type KeyringPlace = {
  env: Readonly<Record<string, string | undefined>>;
  declared?: DeclaredKeyring | undefined;
  file: string;
};

/** How often a process looks whether its keyring file was changed; it follows within this time. */
const lookEveryMs = 1_000;

/**
 * The keyring of a process. Of a file it follows every change, within a second and without a restart, and of a declared
 * one within a minute; a change that cannot be read is not followed. What KEYTURN_KEYRING holds stays as it is until the
 * process ends. Keys that AWS KMS has wrapped are unwrapped here, and held in memory from then on.
 *
 * @param options.make true for a worker: a keyring of one fresh key is made where there is none, mode 0600; several
 *   processes that start at once end with one and the same. false for everything else: a client with a keyring of its
 *   own making would write what no worker can read. A declared one is never made.
 * @throws KEYTURN_KEYRING_MISSING there is none, and `make` is false
 * @throws KEYTURN_KEYRING_INVALID others than its owner may read the file, it cannot be read or made, or is no keyring
 * @throws KEYTURN_KEYRING_UNREADABLE, KEYTURN_STORE_UNAVAILABLE it is declared, and cannot be had
 * @throws KEYTURN_KMS_FAILED
 */
export async function openKeyringFrom({ make, ...place }: KeyringPlace & { make: boolean }): Promise<Keyring> {
  const held = heldInEnvironment(place);
  if (held !== undefined) {
    const keys = await openKeys(held);
    return { activeId: held.activeId, key: (id) => keys.get(id) };
  }
  const { declared, file } = place;
  if (declared !== undefined) return openDeclaredKeyring(declared);
  if (make && stampOf(file) === undefined) {
    makeKeyringFile(file, keyringOfOne(newKeyId(), newPlainKey(), new Date()));
  }
  // Not what was just made: another process may have been first.
  const read = readKeyringFile(file);
  if (read === undefined) throw fault('KEYTURN_KEYRING_MISSING', file);
  return followed(file, read, await openKeys(read.content));
}

export type KeptIn = 'environment' | 'file' | 'store';

/** What the place holds, as it is written there. @throws what `openKeyringFrom` throws, but for KMS */
export async function readKeyring(place: KeyringPlace): Promise<{ source: KeptIn; content: KeyringContent }> {
  const held = heldInEnvironment(place);
  if (held !== undefined) return { source: 'environment', content: held };
  const { declared, file } = place;
  if (declared !== undefined) {
    return { source: keptIn[declared.reference.source], content: await readDeclaredKeyring(declared) };
  }
  const read = readKeyringFile(file);
  if (read === undefined) throw fault('KEYTURN_KEYRING_MISSING', file);
  return { source: 'file', content: read.content };
}

const keptIn = { env: 'environment', file: 'file', store: 'store' } as const satisfies Record<
  SecretReference['source'],
  KeptIn
>;

function heldInEnvironment({ env }: KeyringPlace): KeyringContent | undefined {
  return env.KEYTURN_KEYRING ? parseKeyring('KEYTURN_KEYRING', env.KEYTURN_KEYRING) : undefined;
}

/** @param first the keys of `read`, all open */
function followed(file: string, read: ReadKeyring, first: Keys): Keyring {
  let { stamp } = read;
  const keys = exchangeableKeys(read.content, first);
  const look = () => {
    try {
      const now = stampOf(file);
      if (now === undefined || now === stamp) return;
      const changed = readKeyringFile(file);
      if (changed === undefined) return;
      stamp = changed.stamp;
      keys
        .exchange(changed.content, () => stamp === changed.stamp)
        .catch(() => {
          // KMS did not answer: asked again with the next look.
          stamp = '';
        });
    } catch {
      // What is there now is no keyring: the one from before goes on being used.
    }
  };

  return lookingWhileUsed(lookEveryMs, look, {
    get activeId() {
      return keys.activeId;
    },
    key(id) {
      if (keys.key(id) === undefined) look();
      return keys.key(id);
    },
  });
}

/**
 * Opens the keyring of `file` whatever the environment says, and makes one where there is none: for benchmarks and tests.
 * Programs use `openKeyringFrom`.
 */
export function openKeyring(file: string): Promise<Keyring> {
  return openKeyringFrom({ env: {}, file, make: true });
}
