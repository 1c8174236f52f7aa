import { fault } from '../errors/keyturn-error.ts';
import type { RestoredSecret } from '../policy/life/duty.ts';
import type { Approval, Memento } from '../policy/life/state.ts';
import { inWords } from '../stores/store.ts';
import { type PlaceInput, spotOf } from './place-at.ts';
import { unsealedMemento } from './store-secret.ts';
import type { Tools } from './tools.ts';

export type RestoreSecretInput = PlaceInput & {
  rotationId: string;
  before: Memento;
  /** Of the secret that the rotation wrote. */
  digest?: string;
  approval?: Approval | null;
};

/**
 * Undoes `storeSecret`, whether it took effect or not. `shown`: readers may have had the value, so its key must live on for
 * a while.
 *
 * @throws KEYTURN_APPROVAL_OPEN needs-attention: an open request could still publish it
 */
export function restoreSecret({ store, keyring }: Tools) {
  return async (input: RestoreSecretInput): Promise<RestoredSecret> => {
    const { policy, rotationId, digest = '', approval: asked = null } = input;
    const spot = spotOf(input);
    const before = unsealedMemento(keyring, input, input.before);
    const opened = await store(input.store);
    const { end, shown, approval } = await opened.restore(spot, before, { policy, rotationId }, digest, asked);
    const left = end === 'left' ? fault('KEYTURN_PLACE_TAKEN', input.store, inWords(spot)).toJSON() : null;
    return { shown, approval, left };
  };
}
