import { existsSync } from 'node:fs';
import { keyturnPaths } from '../../../config/paths.ts';
import { sealedColumns } from '../../../connections/sealed-columns.ts';
import { fault } from '../../../errors/keyturn-error.ts';
import { type KeyringPlace, openKeyringFrom, readKeyring } from '../../../keyring/keyring-source.ts';
import { keyringPlace } from '../../../machine/keyring-here.ts';
import { referenceInWords } from '../../../secrets/secret-reference.ts';
import { type SealedRow, sealAnew, sealedRows } from '../../../vault/seal-anew.ts';
import { openVaultFile } from '../../../vault/vault-file.ts';

/** The keyring and the vault of this machine. */
export type KeyringHere = KeyringPlace & { vaultFile: string };

/** @throws KEYTURN_CONFIG_INVALID, KEYTURN_FILE_UNREADABLE */
export async function keyringHere(): Promise<KeyringHere> {
  const { env } = process;
  return { ...(await keyringPlace(env)), vaultFile: keyturnPaths(env).vaultFile };
}

/** Only the file of the data folder is changed by Keyturn. @throws KEYTURN_KEYRING_READ_ONLY */
export function requireFile({ env, declared }: KeyringPlace): void {
  if (env.KEYTURN_KEYRING) throw fault('KEYTURN_KEYRING_READ_ONLY', 'environment variable KEYTURN_KEYRING');
  if (declared) throw fault('KEYTURN_KEYRING_READ_ONLY', referenceInWords(declared.reference));
}

/** What the keyring holds, as it is written there, and the keys themselves. */
export async function openHere(here: KeyringHere) {
  return { ...(await readKeyring(here)), keyring: await openKeyringFrom({ ...here, make: false }) };
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
