import { digestOf } from '../codec/secret.ts';
import { fault } from '../errors/keyturn-error.ts';
import type { Tools } from './tools.ts';

export type VerifySecretInput = { policy: string; store: string; secret: string; digest: string };

/** `unverified`: the store never shows a value, so that it holds the right one is believed, not known. */
export type SecretVerdict = 'matches' | 'unverified';

/**
 * Reads back what the store holds and compares digests.
 *
 * @throws KEYTURN_STORE_DIFFERS transient: a store may show an older value for a while
 */
export function verifySecret({ store }: Tools) {
  return async ({ policy, store: name, secret, digest }: VerifySecretInput): Promise<SecretVerdict> => {
    const held = await store(name).read({ policy, name: secret });
    if (held.kind === 'unreadable') return 'unverified';
    if (held.kind === 'absent' || digestOf(held.value) !== digest) throw fault('KEYTURN_STORE_DIFFERS', name, secret);
    return 'matches';
  };
}
