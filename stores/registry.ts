import { awsParameterStore } from './aws-parameter-store/kind.ts';
import { awsSecretsManager } from './aws-secrets-manager/kind.ts';
import { envFile } from './env-file/kind.ts';
import { file } from './file/kind.ts';
import { infisical } from './infisical/kind.ts';
import type { StoreKind } from './kind.ts';
import { kubernetes } from './kubernetes/kind.ts';
import { vaultKv } from './vault-kv/kind.ts';

/** Every kind of store that keyturn.yaml may declare; `local` is there without being declared. */
export const storeKinds: readonly StoreKind[] = [
  infisical,
  awsSecretsManager,
  awsParameterStore,
  vaultKv,
  kubernetes,
  envFile,
  file,
];

export function kindNamed(name: string): StoreKind | undefined {
  return storeKinds.find(({ kind }) => kind === name);
}
