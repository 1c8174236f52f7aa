import type { Memento } from '../policy/life/state.ts';
import type { Tools } from './tools.ts';

export type RestoreSecretInput = {
  policy: string;
  rotationId: string;
  store: string;
  secret: string;
  before: Memento;
};

/**
 * Undoes `storeSecret`, whether it took effect or not, and keeps a late one from taking effect afterwards. `shown`:
 * readers may have had the value, so its key must live on for a while.
 */
export function restoreSecret({ store }: Tools) {
  return async ({
    policy,
    rotationId,
    store: name,
    secret,
    before,
  }: RestoreSecretInput): Promise<{ shown: boolean }> => {
    return store(name).restore({ policy, name: secret }, before, rotationId);
  };
}
