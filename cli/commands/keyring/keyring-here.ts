import { existsSync } from 'node:fs';
import { keyturnPaths } from '../../../config/paths.ts';
import { sealedColumns } from '../../../connections/sealed-columns.ts';
import { fault } from '../../../errors/keyturn-error.ts';
import { type KeyringPlace, openKeyringFrom, readKeyring } from '../../../keyring/keyring-source.ts';
import { type SealedRow, sealAnew, sealedRows } from '../../../vault/seal-anew.ts';
import { openVaultFile } from '../../../vault/vault-file.ts';

/** The keyring and the vault of this machine. */
export type KeyringHere = KeyringPlace & { vaultFile: string };

export function keyringHere(): KeyringHere {
  const { env } = process;
  const { keyringFile, vaultFile } = keyturnPaths(env);
  return { env, file: keyringFile, vaultFile };
}

/** @throws KEYTURN_KEYRING_READ_ONLY */
export function requireFile({ env }: KeyringPlace): void {
  if (env.KEYTURN_KEYRING) throw fault('KEYTURN_KEYRING_READ_ONLY');
}

/** What the keyring holds, as it is written there, and the keys themselves. */
export async function openHere({ env, file }: KeyringHere) {
  return { ...readKeyring({ env, file }), keyring: await openKeyringFrom({ env, file, make: false }) };
}

/** The sealed values of the vault and their keys; none where there is no vault on this machine. */
export async function vaultRows(here: KeyringHere): Promise<SealedRow[]> {
  if (!existsSync(here.vaultFile)) return [];
  const { keyring } = await openHere(here);
  return sealedRows(openVaultFile({ file: here.vaultFile, keyring }), sealedColumns);
}

/** Seals the whole vault with the active key. */
export async function sealVaultAnew(here: KeyringHere): Promise<{ sealed: number; left: string[] }> {
  if (!existsSync(here.vaultFile)) return { sealed: 0, left: [] };
  const { keyring } = await openHere(here);
  return sealAnew(openVaultFile({ file: here.vaultFile, keyring }), keyring, sealedColumns);
}
