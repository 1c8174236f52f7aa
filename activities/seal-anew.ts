import { keyIdOf, type Sealed, seal, sealingContext, unseal } from '../secrets/seal.ts';
import { mementoContext, type PlaceInput } from './place-at.ts';
import type { Tools } from './tools.ts';

/** `place`: what is sealed is a memento of it; else the secret of the rotation. */
export type SealAnewInput = { policy: string; rotationId: string; sealed: string; place?: PlaceInput };

/** What is sealed, sealed with the active key of the keyring, so that the one before may be removed. */
export function sealAnew({ keyring }: Tools) {
  return async ({ sealed, place, ...rotation }: SealAnewInput): Promise<Sealed> => {
    if (keyIdOf(sealed) === keyring.activeId) return sealed as Sealed;
    const context = place === undefined ? sealingContext(rotation) : mementoContext(place, rotation.rotationId);
    return seal(keyring, unseal(keyring, sealed, context), context);
  };
}
