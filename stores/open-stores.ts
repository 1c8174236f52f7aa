import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fault } from '../errors/keyturn-error.ts';
import { quietDebugSwitches } from '../secrets/debug-switches.ts';
import { Secret } from '../secrets/secret.ts';
import type { SecretReference } from '../secrets/secret-reference.ts';
import type { Waiting } from './conditional-store.ts';
import type { DeclaredStore } from './declared-store.ts';
import { kindNamed } from './registry.ts';
import type { Store } from './store.ts';

export type OpenStoresOptions = {
  declared: ReadonlyMap<string, DeclaredStore>;
  /** What relative paths of declarations are meant from. */
  folder: string;
  env: Readonly<Record<string, string | undefined>>;
  /** The local vault, where this machine has one. */
  local: () => Store;
  time: Waiting;
};

/** The stores of a process, each opened when it is first needed. */
export type Stores = {
  names(): string[];
  /** @throws KEYTURN_STORE_UNKNOWN with the names that are known */
  get(name: string): Promise<Store>;
  /** What a reference leads to, as it is now. @throws KEYTURN_CREDENTIAL_UNREADABLE */
  secret(reference: SecretReference, forWhat: string): Promise<Secret>;
  close(): Promise<void>;
};

/** Far more than any credential. */
const mostBytes = 64 * 1024;

export function openStores({ declared, folder, env, local, time }: OpenStoresOptions): Stores {
  const opened = new Map<string, Promise<Store>>();
  const names = () => ['local', ...declared.keys()];

  /** `neededBy`: the stores whose credentials are in this one, directly or not. */
  async function get(name: string, neededBy: readonly string[]): Promise<Store> {
    if (name === 'local') return local();
    const one = declared.get(name);
    if (one === undefined) throw fault('KEYTURN_STORE_UNKNOWN', name, names());
    if (neededBy.includes(name)) {
      throw fault('KEYTURN_CREDENTIAL_UNREADABLE', `store "${name}"`, 'its credentials would have to come from itself');
    }
    const known = opened.get(name);
    if (known !== undefined) return known;
    // Also in a program that only imports the library: from here on, vendors' code has secrets in its hands.
    quietDebugSwitches();
    const context = {
      name,
      folder,
      env,
      time,
      secret: (reference: SecretReference) => secretOf(reference, `store "${name}"`, [...neededBy, name]),
    };
    const opening = Promise.resolve(kindNamed(one.kind)?.open(one.content, context)).then((store) => {
      if (store === undefined) throw fault('KEYTURN_STORE_UNKNOWN', name, names());
      return store;
    });
    opened.set(name, opening);
    opening.catch(() => opened.delete(name));
    return opening;
  }

  async function secretOf(reference: SecretReference, forWhat: string, neededBy: readonly string[]): Promise<Secret> {
    const unreadable = (why: string) => fault('KEYTURN_CREDENTIAL_UNREADABLE', forWhat, why);
    if (reference.source === 'env') {
      const value = env[reference.variable];
      if (!value) throw unreadable(`environment variable ${reference.variable} is not set`);
      return new Secret(value.trim());
    }
    if (reference.source === 'file') return fromFile(resolve(folder, reference.path), unreadable);
    const { name, field } = reference;
    const held = await (await get(reference.store, neededBy)).read({ name, field }, '');
    if (held.kind === 'held') return new Secret(held.value.reveal().trim());
    throw unreadable(
      `store "${reference.store}" ${held.kind === 'absent' ? 'holds nothing' : 'shows no value'} at ${name}`,
    );
  }

  return {
    names,
    get: (name) => get(name, []),
    secret: (reference, forWhat) => secretOf(reference, forWhat, []),
    async close() {
      await Promise.all([...opened.values()].map(async (store) => (await store.catch(() => undefined))?.close?.()));
    },
  };
}

/** Any mode of the file is taken: containers mount secrets as 0444, and the file is not ours. */
async function fromFile(path: string, unreadable: (why: string) => Error): Promise<Secret> {
  try {
    const handle = await open(path, 'r');
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw unreadable(`file ${path} is not a regular file`);
      if (stat.size > mostBytes) throw unreadable(`file ${path} is too large for a credential`);
      return new Secret((await handle.readFile('utf8')).trim());
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined || code.startsWith('KEYTURN_')) throw cause;
    throw unreadable(code === 'ENOENT' ? `file ${path} is not there` : `file ${path} cannot be read (${code})`);
  }
}
