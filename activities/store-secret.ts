import { type Sealed, sealingContext, unseal } from '../secrets/seal.ts';
import type { Tools } from './tools.ts';

export type StoreSecretInput = { policy: string; rotationId: string; store: string; secret: string; sealed: Sealed };

/** Makes the new secret the one that applications read. The same rotation id twice is one write. */
export function storeSecret({ store, keyring }: Tools) {
  return async (input: StoreSecretInput): Promise<void> => {
    const value = unseal(keyring, input.sealed, sealingContext(input));
    await store(input.store).write({ policy: input.policy, name: input.secret }, value, input.rotationId);
  };
}
