import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { KeyturnYaml } from '../config/keyturn-yaml.ts';
import { type KeyturnPaths, keyturnPaths } from '../config/paths.ts';
import { fault } from '../errors/keyturn-error.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { type KeyringPlace, openKeyringFrom } from '../keyring/keyring-source.ts';
import { type ReadSecret, secretsHere } from '../secrets/read-reference.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where the keyring of a program is that only needs this: a client, or the codec server. keyturn.yaml is not asked where
 * KEYTURN_KEYRING says all.
 *
 * @throws KEYTURN_CONFIG_INVALID, KEYTURN_FILE_UNREADABLE
 */
export async function keyringPlace(env: Environment, cwd = process.cwd()): Promise<KeyringPlace> {
  const { keyringFile, configDir } = keyturnPaths(env);
  if (env.KEYTURN_KEYRING) return { env, file: keyringFile };
  // What reads it, and what it may lead to, is loaded where it is needed: `keyturn list` has to start fast.
  const { readKeyturnYaml } = await import('../config/keyturn-yaml.ts');
  const declared = await readKeyturnYaml({ env, cwd, configDir });
  return placeOf(declared, { env, file: keyringFile, secret: secretsByThemselves(declared, env, cwd) });
}

/** The keyring of such a program; it makes none. @throws what `openKeyringFrom` and `keyringPlace` throw */
export async function openKeyringHere(env: Environment, cwd = process.cwd()): Promise<Keyring> {
  return openKeyringFrom({ ...(await keyringPlace(env, cwd)), make: false });
}

/**
 * The keyring of whatever seals: worker, `connection add`. It is made where there is none and no vault either: a fresh one
 * beside a vault that is there would open nothing, and stand in the way of the copy that has to be put back.
 */
export function openSealingKeyring(
  declared: KeyturnYaml,
  { env, paths, secret }: { env: Environment; paths: KeyturnPaths; secret: ReadSecret },
): Promise<Keyring> {
  const place = placeOf(declared, { env, file: paths.keyringFile, secret });
  return openKeyringFrom({ ...place, make: !existsSync(paths.vaultFile) });
}

function placeOf({ keyring: reference }: KeyturnYaml, { env, file, secret }: Where): KeyringPlace {
  return { env, file, ...(reference === undefined ? {} : { declared: { reference, secret } }) };
}

type Where = { env: Environment; file: string; secret: ReadSecret };

/** Stores are opened for one look and closed again: nobody else here uses them, and nobody would ever close them. */
function secretsByThemselves(declared: KeyturnYaml, env: Environment, cwd: string): ReadSecret {
  const folder = declared.file === undefined ? cwd : dirname(declared.file);
  return async (reference, unreadable) => {
    if (reference.source !== 'store') return secretsHere({ env, folder })(reference, unreadable);
    const { openStores } = await import('../stores/open-stores.ts');
    const { ownTime } = await import('./own-time.ts');
    const local = async () => {
      throw fault('KEYTURN_STORE_UNKNOWN', 'local', [...declared.stores.keys()]);
    };
    const stores = openStores({ declared: declared.stores, folder, env, local, time: ownTime });
    try {
      return await stores.secret(reference, unreadable);
    } finally {
      await stores.close();
    }
  };
}
