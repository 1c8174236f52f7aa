import type { Captured } from '../stores/secret-store.ts';
import type { Tools } from './tools.ts';

export type RestoreSecretInput = {
  policy: string;
  rotationId: string;
  store: string;
  secret: string;
  before: Captured;
};

/** Undoes `storeSecret`, whether it took effect or not, and keeps a late one from taking effect afterwards. */
export function restoreSecret({ store }: Tools) {
  return async ({ policy, rotationId, store: name, secret, before }: RestoreSecretInput): Promise<void> => {
    await store(name).restore({ policy, name: secret }, before, rotationId);
  };
}
