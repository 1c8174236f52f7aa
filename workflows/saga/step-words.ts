import type { Activities } from '../../activities/index.ts';
import type { StepName } from './steps.ts';

type Input<Name extends StepName> = Parameters<Activities[Name]>[0];
type Result<Name extends StepName> = Awaited<ReturnType<Activities[Name]>>;

type Words = {
  [Name in StepName]: {
    /** What the Web UI shows on the activity: at most 250 characters (facts temporal §1), nothing secret. */
    summary: (input: Input<Name>) => string;
    /** What a person reads beside the finished step. */
    note: (input: Input<Name>, result: Result<Name>) => string;
  };
};

export const stepWords: Words = {
  createKey: {
    summary: ({ marker }) => `create key ${marker}`,
    note: (_, { hash }) => shortHash(hash),
  },
  verifyKey: {
    summary: ({ hash }) => `verify key ${shortHash(hash)}: OpenRouter accepts it, and it is what was asked`,
    note: (_, { accepted }) => `${accepted} of ${accepted} accepted`,
  },
  captureSecret: {
    summary: ({ store, secret }) => `note what ${store} holds under ${secret}`,
    note: (_, before) => (before.kind === 'absent' ? 'nothing yet' : `version ${before.version}`),
  },
  storeSecret: {
    summary: ({ store, secret }) => `store ${secret} in ${store}`,
    note: ({ store, secret }) => `${store} ${secret}`,
  },
  verifySecret: {
    summary: ({ store, secret }) => `read ${secret} back from ${store}`,
    note: (_, verdict) => verdict,
  },
  restoreSecret: {
    summary: ({ store, secret }) => `undo: put back what ${store} held under ${secret}`,
    note: ({ store }) => `${store} as it was`,
  },
  renameKey: {
    summary: ({ hash, name }) => `name key ${shortHash(hash)} ${name}`,
    note: (_, __) => 'has its final name',
  },
  reapKey: {
    summary: ({ marker }) => `look for key ${marker} and remove it`,
    note: (_, { found }) => (found ? 'removed' : 'not found'),
  },
  disableKey: {
    summary: ({ key }) => `disable key #${key.generation} ${shortHash(key.hash)} after proof that it is replaced`,
    note: (_, { gone }) => (gone ? 'was already deleted' : 'disabled'),
  },
  deleteKey: {
    summary: ({ key }) => `delete key #${key.generation} ${shortHash(key.hash)}`,
    note: (_, { gone }) => (gone ? 'was already deleted' : 'deleted'),
  },
  removeSecret: {
    summary: ({ store, secret }) => `take ${secret} out of ${store}`,
    note: ({ store }) => `${store} no longer holds it`,
  },
};

/** Enough of a key's hash to tell keys apart: `5f3c…e1`. */
export function shortHash(hash: string): string {
  return `${hash.slice(0, 4)}…${hash.slice(-2)}`;
}
