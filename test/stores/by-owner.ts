import type { Secret } from '../../secrets/secret.ts';
import { type LocalVault, openLocalVault } from '../../stores/local/local-vault.ts';
import type { Held, Memento, Restored, Store } from '../../stores/store.ts';

/** Whose secret: a store that knows its owners has one for a name. */
export type SecretRef = { policy: string; name: string };

/** A store of whole values that knows its owners, asked in fewer words. */
export function byOwner(store: Pick<Store, 'check' | 'capture' | 'write' | 'read' | 'restore' | 'remove'>) {
  const spot = ({ name }: SecretRef) => ({ name, field: null });
  return {
    check: async (secret: SecretRef): Promise<void> => void (await store.check(spot(secret), secret.policy)),
    capture: async (secret: SecretRef): Promise<Memento> =>
      (await store.capture(spot(secret), { policy: secret.policy, rotationId: '' })).memento,
    write: async (secret: SecretRef, value: Secret, rotationId: string): Promise<void> =>
      void (await store.write(spot(secret), value, { policy: secret.policy, rotationId }, null)),
    read: (secret: SecretRef): Promise<Held> => store.read(spot(secret), secret.policy),
    restore: (secret: SecretRef, before: Memento, rotationId: string): Promise<Restored> =>
      store.restore(spot(secret), before, { policy: secret.policy, rotationId }, '', null),
    remove: async (secret: SecretRef): Promise<void> => void (await store.remove(spot(secret), secret.policy, [])),
  };
}

export type VaultByOwner = ReturnType<typeof byOwner> & Pick<LocalVault, 'list'> & { store: LocalVault };

export function openVaultByOwner(options: Parameters<typeof openLocalVault>[0]): VaultByOwner {
  const vault = openLocalVault(options);
  return { ...byOwner(vault), list: vault.list, store: vault };
}
