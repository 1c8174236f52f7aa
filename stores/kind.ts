import type { z } from 'zod';
import type { Secret } from '../secrets/secret.ts';
import type { SecretReference } from '../secrets/secret-reference.ts';
import type { Waiting } from './conditional-store.ts';
import type { StorePromises } from './promises.ts';
import type { Store } from './store.ts';

/** A kind of store, as `kind: …` in keyturn.yaml names it. It loads no library of a vendor: `open` does. */
export type StoreKind<Declared = unknown> = {
  kind: string;
  /** In a sentence: "AWS Secrets Manager". */
  title: string;
  /** Its entry below `stores`, `kind` included; messages as `fieldWords` makes them. */
  schema: z.ZodType<Declared>;
  /** The names of its fields, for "did you mean". */
  fields: readonly string[];
  promises: StorePromises;
  /** Asks nothing of the service yet: a store that is down must not keep a worker from starting. */
  open: (declared: Declared, context: StoreContext) => Promise<Store>;
};

/** What a store is opened with. */
export type StoreContext = {
  /** The name it is declared under. */
  name: string;
  /** What relative paths of its entry are meant from. */
  folder: string;
  env: Readonly<Record<string, string | undefined>>;
  /** The secret as it is now: read anew with each call, since credentials are rotated too. */
  secret: (reference: SecretReference) => Promise<Secret>;
  time: Waiting;
};

/** The kind as the registry keeps it, whatever it declares. */
export function storeKind<Declared>(kind: StoreKind<Declared>): StoreKind {
  return kind as unknown as StoreKind;
}
