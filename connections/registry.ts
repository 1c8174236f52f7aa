import { existsSync } from 'node:fs';
import { baseUrl as baseUrlForm, connectionName, requestsPerSecond as pace } from '../config/declared-connection.ts';
import type { KeyturnYaml } from '../config/keyturn-yaml.ts';
import { fault } from '../errors/keyturn-error.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { defaultBaseUrl } from '../openrouter/client.ts';
import type { ReadSecret } from '../secrets/read-reference.ts';
import type { Secret } from '../secrets/secret.ts';
import type { SecretReference } from '../secrets/secret-reference.ts';
import { openVaultFile } from '../vault/vault-file.ts';
import { declaredKey } from './declared-key.ts';
import { managementKeyFrom } from './management-key.ts';
import { type VaultConnections, vaultConnections } from './vault-connections.ts';

export type Connection = { name: string; baseUrl: string; managementKey: Secret };

export type ConnectionEntry = {
  name: string;
  source: 'vault' | SecretReference['source'];
  /** The store that its key is read from. */
  store: string | null;
  baseUrl: string;
  /** Of all workers together; null: nothing was said, and `defaultRequestsPerSecond` holds. */
  requestsPerSecond: number | null;
};

type NewConnection = { managementKey: Secret; baseUrl?: string; requestsPerSecond?: number; replace?: boolean };

/**
 * The named management keys: those declared in keyturn.yaml and those in the vault. Where both have a name, the declared
 * one is used: a person can see it. What touches the vault throws what the vault throws (vault/vault-file.ts).
 */
export type Connections = {
  /** By name; no keys, and none is looked for. */
  list(): Promise<ConnectionEntry[]>;
  /**
   * The key as it is now: it is read anew each time.
   * @throws KEYTURN_CONNECTION_UNKNOWN with the names that are known
   * @throws KEYTURN_CONNECTION_UNREADABLE its variable, file or store is missing or holds no key
   */
  get(name: string): Promise<Connection>;
  /**
   * Into the vault. `baseUrl` default: OpenRouter's own. `requestsPerSecond` default: one. `replace` default false: a key
   * in use is not lost by a slip.
   * @throws KEYTURN_USAGE the name, key, base URL or pace cannot be one
   * @throws KEYTURN_CONNECTION_EXISTS it is there, and `replace` was not asked for
   * @throws KEYTURN_CONNECTION_DECLARED keyturn.yaml declares it, so this one would never be used
   */
  add(name: string, connection: NewConnection): Promise<void>;
  /**
   * Out of the vault, also from behind a declared one of that name.
   * @throws KEYTURN_CONNECTION_UNKNOWN with the names that are known
   * @throws KEYTURN_CONNECTION_DECLARED it is only in keyturn.yaml
   */
  remove(name: string): Promise<void>;
};

/**
 * The vault is made by `add` alone, and opened where there is one: declared connections need neither it nor a keyring.
 *
 * @param secret what declared ones point at
 */
export function openConnections({
  vaultFile,
  keyring,
  declared,
  secret,
}: {
  vaultFile: string;
  keyring: () => Promise<Keyring>;
  declared: Pick<KeyturnYaml, 'file' | 'connections'>;
  secret: ReadSecret;
}): Connections {
  let opened: VaultConnections | undefined;
  const vault = async () => {
    if (opened === undefined) {
      const itsKeyring = await keyring();
      opened = vaultConnections(openVaultFile({ file: vaultFile, keyring: itsKeyring }), itsKeyring);
    }
    return opened;
  };
  // Once opened, a file that is gone is an error and not an empty vault.
  const vaultIfThere = async () => (opened === undefined && !existsSync(vaultFile) ? undefined : await vault());
  const isDeclared = (name: string) => fault('KEYTURN_CONNECTION_DECLARED', name, declared.file ?? 'keyturn.yaml');

  const list = async (): Promise<ConnectionEntry[]> => {
    const fromFile = [...declared.connections].map(([name, declaredOne]) => {
      const { source, baseUrl = defaultBaseUrl, requestsPerSecond = null } = declaredOne;
      const store = declaredOne.source === 'store' ? declaredOne.store : null;
      return { name, source, store, baseUrl, requestsPerSecond };
    });
    const kept = (await vaultIfThere())?.list() ?? [];
    const fromVault = kept
      .filter(({ name }) => !declared.connections.has(name))
      .map(({ name, baseUrl, requestsPerSecond }) => {
        const at = { store: null, baseUrl: baseUrl ?? defaultBaseUrl };
        return { name, source: 'vault' as const, ...at, requestsPerSecond };
      });
    return [...fromFile, ...fromVault].sort((a, b) => (a.name < b.name ? -1 : 1));
  };
  const unknown = async (name: string) => {
    const known = (await list()).map((entry) => entry.name);
    return fault('KEYTURN_CONNECTION_UNKNOWN', name, known);
  };

  return {
    list,

    async get(name) {
      const pointer = declared.connections.get(name);
      if (pointer) {
        const managementKey = await declaredKey(name, pointer, secret);
        return { name, baseUrl: pointer.baseUrl ?? defaultBaseUrl, managementKey };
      }
      const kept = (await vaultIfThere())?.get(name);
      if (!kept) throw await unknown(name);
      return { name, baseUrl: kept.baseUrl ?? defaultBaseUrl, managementKey: kept.managementKey };
    },

    async add(name, { managementKey, baseUrl, requestsPerSecond, replace = false }) {
      // Not the name itself: a key may have been given in its place.
      must('The name', connectionName.safeParse(name));
      const key = managementKeyFrom(managementKey.reveal());
      if ('wrong' in key) throw fault('KEYTURN_USAGE', `What was given is not a management key: ${key.wrong}.`);
      const url = baseUrl === undefined ? null : must('The base URL', baseUrlForm.safeParse(baseUrl));
      if (requestsPerSecond !== undefined) must('--requests-per-second', pace.safeParse(requestsPerSecond));
      if (declared.connections.has(name)) throw isDeclared(name);
      const kept = { baseUrl: url, managementKey: key.key, requestsPerSecond: requestsPerSecond ?? null };
      (await vault()).put(name, kept, replace);
    },

    async remove(name) {
      if ((await vaultIfThere())?.remove(name)) return;
      throw declared.connections.has(name) ? isDeclared(name) : await unknown(name);
    },
  };
}

type Parsed<T> = { success: true; data: T } | { success: false; error: { issues: { message: string }[] } };

function must<T>(what: string, parsed: Parsed<T>): T {
  if (parsed.success) return parsed.data;
  throw fault('KEYTURN_USAGE', `${what} ${parsed.error.issues[0]?.message}.`);
}
