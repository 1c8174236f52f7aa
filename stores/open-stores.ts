import { fault, KeyturnError } from '../errors/keyturn-error.ts';
import { quietDebugSwitches } from '../secrets/debug-switches.ts';
import { type ReadSecret, secretIn, secretsHere, type Unreadable } from '../secrets/read-reference.ts';
import type { Secret } from '../secrets/secret.ts';
import { referenceInWords, type SecretReference } from '../secrets/secret-reference.ts';
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
  local: () => Promise<Store>;
  time: Waiting;
};

/** The stores of a process, each opened when it is first needed. */
export type Stores = {
  names(): string[];
  /** @throws KEYTURN_STORE_UNKNOWN with the names that are known */
  get(name: string): Promise<Store>;
  /** References of every kind. @throws KEYTURN_STORE_UNKNOWN, KEYTURN_STORE_UNAVAILABLE, or that it is unreadable */
  secret: ReadSecret;
  close(): Promise<void>;
};

export function openStores({ declared, folder, env, local, time }: OpenStoresOptions): Stores {
  const opened = new Map<string, Promise<Store>>();
  const names = () => ['local', ...declared.keys()];
  const here = secretsHere({ env, folder });

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
      secret: (reference: SecretReference) =>
        secretOf(reference, (why) => fault('KEYTURN_CREDENTIAL_UNREADABLE', `store "${name}"`, why), [
          ...neededBy,
          name,
        ]),
    };
    const opening = Promise.resolve(kindNamed(one.kind)?.open(one.content, context)).then((store) => {
      if (store === undefined) throw fault('KEYTURN_STORE_UNKNOWN', name, names());
      return store;
    });
    opened.set(name, opening);
    opening.catch(() => opened.delete(name));
    return opening;
  }

  async function secretOf(
    reference: SecretReference,
    unreadable: Unreadable,
    neededBy: readonly string[],
  ): Promise<Secret> {
    if (reference.source !== 'store') return here(reference, unreadable);
    const where = referenceInWords(reference);
    const { name, field } = reference;
    const store = await get(reference.store, neededBy);
    const held = await store.read({ name, field }, '').catch((error) => {
      // Not what the store was asked for, but whoever needs the secret has to be told, and goes on trying.
      if (error instanceof KeyturnError && error.code === 'KEYTURN_STORE_REFUSED') throw unreadable(inside(error));
      throw error;
    });
    if (held.kind === 'held') return secretIn(held.value.reveal(), where, unreadable);
    throw unreadable(held.kind === 'absent' ? `${where} is not there` : `${where} is never shown`);
  }

  return {
    names,
    get: (name) => get(name, []),
    secret: (reference, unreadable) => secretOf(reference, unreadable, []),
    async close() {
      await Promise.all([...opened.values()].map(async (store) => (await store.catch(() => undefined))?.close?.()));
    },
  };
}

/** A sentence as part of another one. */
function inside({ message }: KeyturnError): string {
  return `${message.charAt(0).toLowerCase()}${message.slice(1).replace(/\.$/, '')}`;
}
