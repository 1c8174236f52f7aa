import type { Memento as SealedMemento } from '../policy/life/state.ts';
import { sealingContext, unseal } from '../secrets/seal.ts';
import type { Memento, Written } from '../stores/store.ts';
import { mementoContext, type PlaceInput, spotOf } from './place-at.ts';
import type { Tools } from './tools.ts';

export type StoreSecretInput = PlaceInput & { rotationId: string; sealed: string; before?: SealedMemento };

/**
 * Makes the new secret the one that applications read, over what `captureSecret` saw. The same rotation id twice is one
 * write. `approval`: nothing is written before somebody approves it.
 *
 * @throws KEYTURN_PLACE_CHANGED terminal: somebody else has written to it since
 */
export function storeSecret({ store, keyring, now, stillOurs }: Tools) {
  return async (input: StoreSecretInput): Promise<Written> => {
    const { policy, rotationId } = input;
    const value = unseal(keyring, input.sealed, sealingContext(input));
    const before = unsealedMemento(keyring, input, input.before ?? null);
    const opened = await store(input.store);
    // A worker that was frozen before it began writes for a rotation that may be undone: nothing in a store tells it so.
    const since = now();
    await stillOurs();
    return opened.write(spotOf(input), value, { policy, rotationId, since }, before);
  };
}

/** Until version 4 of the state, mementos were of the local vault, which needs none. */
export function unsealedMemento(
  keyring: Tools['keyring'],
  place: PlaceInput & { rotationId: string },
  memento: SealedMemento | null,
): Memento {
  if (typeof memento !== 'string') return null;
  return JSON.parse(unseal(keyring, memento, mementoContext(place, place.rotationId)).reveal()) as Memento;
}
