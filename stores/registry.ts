import type { StoreKind } from './kind.ts';
import { kubernetes } from './kubernetes/kind.ts';

/** Every kind of store that keyturn.yaml may declare; `local` is there without being declared. */
export const storeKinds: readonly StoreKind[] = [kubernetes];

export function kindNamed(name: string): StoreKind | undefined {
  return storeKinds.find(({ kind }) => kind === name);
}
