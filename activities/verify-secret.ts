import { fault, KeyturnError } from '../errors/keyturn-error.ts';
import type { SecretVerdict } from '../policy/life/state.ts';
import { digestOf } from '../secrets/secret.ts';
import type { Tools } from './tools.ts';

export type VerifySecretInput = {
  policy: string;
  store: string;
  secret: string;
  digest: string;
  /** ISO 8601. A store that goes on showing something else after this holds something else. */
  settledAt: string;
};

/**
 * Reads back what the store holds and compares digests.
 *
 * @throws KEYTURN_STORE_DIFFERS transient until `settledAt`, since a store may show an older value for a while; then
 *   terminal
 */
export function verifySecret({ store, now }: Tools) {
  return async (input: VerifySecretInput): Promise<SecretVerdict> => {
    const { policy, store: name, secret, digest, settledAt } = input;
    const held = await store(name).read({ policy, name: secret });
    if (held.kind === 'unreadable') return 'unverified';
    if (held.kind === 'held' && digestOf(held.value) === digest) return 'matches';
    const differs = fault('KEYTURN_STORE_DIFFERS', name, secret);
    throw now() < Date.parse(settledAt) ? differs : new KeyturnError({ ...differs.toJSON(), kind: 'terminal' });
  };
}
