import { keyIdOf, type Sealed, seal, sealingContext, unseal } from '../secrets/seal.ts';
import type { Tools } from './tools.ts';

export type SealAnewInput = { policy: string; rotationId: string; sealed: string };

/** The secret of the current key, sealed with the active key of the keyring, so that the one before may be retired. */
export function sealAnew({ keyring }: Tools) {
  return async ({ sealed, ...rotation }: SealAnewInput): Promise<Sealed> => {
    if (keyIdOf(sealed) === keyring.activeId) return sealed as Sealed;
    const context = sealingContext(rotation);
    return seal(keyring, unseal(keyring, sealed, context), context);
  };
}
