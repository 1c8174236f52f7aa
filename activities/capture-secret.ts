import { fault } from '../errors/keyturn-error.ts';
import type { CapturedSecret } from '../policy/life/duty.ts';
import { seal } from '../secrets/seal.ts';
import { Secret } from '../secrets/secret.ts';
import { lostWriteLifeMs } from '../stores/promises.ts';
import { inWords } from '../stores/store.ts';
import { mementoContext, type PlaceInput, spotOf } from './place-at.ts';
import type { Tools } from './tools.ts';

export type CaptureSecretInput = PlaceInput & { rotationId?: string };

/** The state of a policy has to hold those of all of its places (policy/life/bounds.ts); characters, sealed. */
const longestMemento = 800;

/**
 * What the place holds now, before anything is written: what `restoreSecret` puts back, sealed.
 *
 * @throws KEYTURN_STORE_REFUSED terminal: the place is not to be written, or what it holds is no key
 */
export function captureSecret({ store, keyring }: Tools) {
  return async (input: CaptureSecretInput): Promise<CapturedSecret> => {
    const { policy, rotationId = '' } = input;
    const spot = spotOf(input);
    const opened = await store(input.store);
    const { memento, note } = await opened.capture(spot, { policy, rotationId });
    const plain = new Secret(JSON.stringify(memento));
    const sealed = seal(keyring, plain, mementoContext(input, rotationId));
    if (sealed.length > longestMemento) {
      throw fault('KEYTURN_STORE_REFUSED', input.store, inWords(spot), 'what it holds is too large for a key');
    }
    return { sealed, note, lostWriteLifeMs: opened.promises.fences ? null : lostWriteLifeMs };
  };
}
