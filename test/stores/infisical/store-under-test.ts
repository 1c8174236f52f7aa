import { setImmediate as turn } from 'node:timers/promises';
import { KeyturnError } from '../../../errors/keyturn-error.ts';
import { digestOf, Secret } from '../../../secrets/secret.ts';
import type { SecretReference } from '../../../secrets/secret-reference.ts';
import type { Waiting } from '../../../stores/conditional-store.ts';
import { schema } from '../../../stores/infisical/declaration.ts';
import { openInfisical } from '../../../stores/infisical/open.ts';
import type { Captured, Spot, Store, Writer } from '../../../stores/store.ts';
import { type Infisical, startInfisical } from './stub/stub.ts';
import { type Folder, type Identity, makeSecret, project, updateSecret } from './stub/world.ts';

/** Waiting takes no time: the clock of stub and store goes on by itself, and by what is waited. */
export type TestTime = Waiting & { pass: (ms: number) => void };

export function testTime(): TestTime {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    pass: (ms) => {
      ahead += ms;
    },
    async wait(ms) {
      ahead += ms;
      await turn();
    },
  };
}

export type Under = {
  infisical: Infisical;
  time: TestTime;
  identity: Identity;
  folder: Folder;
  store: Store;
  /** The same folder as another process of Keyturn has it. */
  another: (more?: object, credentials?: Record<string, string>) => Promise<Store>;
  /** What references of the declaration lead to. */
  credentials: Record<string, string>;
  spot: (name?: string) => Spot;
  /** As an application reads it. */
  valueOf: (spot: Spot) => string | null;
  /** As a person does it in the dashboard. */
  set: (spot: Spot, value: string) => void;
  close: () => Promise<void>;
};

export const environment = 'prod';
export const path = '/payments';

/** A store of one folder, over a stub of its own. */
export async function openUnder(more: object = {}): Promise<Under> {
  const time = testTime();
  const infisical = await startInfisical(time.now);
  const identity = infisical.identity();
  const folder = infisical.world.folder(environment, path);
  const credentials: Record<string, string> = { ID: identity.clientId, SECRET: identity.clientSecret };
  const opened: Store[] = [];
  let names = 0;

  async function another(declared: object = {}, own = credentials): Promise<Store> {
    const auth = { clientId: { env: 'ID' }, clientSecret: { env: 'SECRET' } };
    const entry = { kind: 'infisical', url: infisical.url, project, environment, path, auth, ...declared };
    const store = await openInfisical(schema.parse(entry), {
      name: 'infisical-prod',
      folder: '/',
      env: {},
      time,
      secret: async (reference: SecretReference) => {
        return new Secret(reference.source === 'env' ? (own[reference.variable] ?? '') : '');
      },
    });
    opened.push(store);
    return store;
  }

  return {
    infisical,
    time,
    identity,
    folder,
    credentials,
    store: await another(more),
    another,
    spot: (name = `OPENROUTER_API_KEY_${++names}`) => ({ name, field: null }),
    valueOf: ({ name }) => folder.secrets.get(name)?.value ?? null,
    set({ name }, value) {
      const secret = folder.secrets.get(name);
      if (secret === undefined) makeSecret(folder, name, value);
      else updateSecret(secret, value);
      infisical.world.changed();
    },
    async close() {
      await Promise.all(opened.map((store) => store.close?.()));
      await infisical.close();
    },
  };
}

export const value = (text: string) => new Secret(`sk-or-v1-${text}`);
export const writer = (rotationId: string): Writer => ({ policy: 'checkout', rotationId });

/** A whole write: capture, write. */
export async function put(store: Store, spot: Spot, text: string, rotationId: string): Promise<Captured> {
  const before = await store.capture(spot, writer(rotationId));
  await store.write(spot, value(text), writer(rotationId), before.memento);
  return before;
}

export function undo(store: Store, spot: Spot, before: Captured, text: string, rotationId: string) {
  return store.restore(spot, before.memento, writer(rotationId), digestOf(value(text)), null);
}

export async function failureOf(work: Promise<unknown>): Promise<KeyturnError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof KeyturnError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}
