import { infisical } from './infisical/kind.ts';
import type { StoreKind } from './kind.ts';

/** Every kind of store that keyturn.yaml may declare; `local` is there without being declared. */
export const storeKinds: readonly StoreKind[] = [infisical];

export function kindNamed(name: string): StoreKind | undefined {
  return storeKinds.find(({ kind }) => kind === name);
}
