import type { KeyringContent } from './keyring-file.ts';
import type { KeptIn } from './keyring-source.ts';

/** One key. `null`: it could not be found out. A key that is needed and not in the keyring is kept in null. */
export type ListedKey = {
  id: string;
  active: boolean;
  keptIn: KeptIn | null;
  kms: string | null;
  madeAt: string | null;
  vaultRows: number | null;
  policies: string[] | null;
};

/** Every key that the keyring holds, or that something needs. `rows`: the keys of what is sealed in the vault. */
export function listedKeys(
  keptIn: KeptIn,
  content: KeyringContent,
  rows: readonly { keyId: string }[] | null,
  policies: Map<string, string[]> | null,
): ListedKey[] {
  const ids = new Set([
    ...Object.keys(content.keys),
    ...(rows ?? []).map(({ keyId }) => keyId),
    ...(policies?.keys() ?? []),
  ]);
  return [...ids].map((id) => {
    const held = content.keys[id];
    return {
      id,
      active: id === content.activeId,
      keptIn: held === undefined ? null : keptIn,
      kms: typeof held === 'object' ? held.kms : null,
      madeAt: content.madeAt[id] ?? null,
      vaultRows: rows === null ? null : rows.filter(({ keyId }) => keyId === id).length,
      policies: policies && (policies.get(id) ?? []),
    };
  });
}
