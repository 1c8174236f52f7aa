import { storeKind } from '../kind.ts';
import { type DeclaredVault, schema, vaultPromises } from './declaration.ts';

export const vaultKv = storeKind<DeclaredVault>({
  kind: 'vault',
  title: 'HashiCorp Vault or OpenBao, KV version 2',
  schema,
  fields: ['kind', 'address', 'mount', 'namespace', 'auth', 'caFile'],
  promises: vaultPromises,
  open: async (declared, context) => {
    const { openVaultKv } = await import('./open.ts');
    return openVaultKv(declared, context);
  },
});
