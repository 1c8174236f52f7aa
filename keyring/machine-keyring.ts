import { existsSync } from 'node:fs';
import type { Keyring } from './keyring.ts';
import { openKeyringFrom } from './keyring-source.ts';

/**
 * The keyring of this machine. It is made where there is none and no vault either: a fresh one beside a vault that is
 * there would open nothing, and stand in the way of the copy that has to be put back.
 *
 * @throws KEYTURN_KEYRING_MISSING, KEYTURN_KEYRING_INVALID, KEYTURN_KMS_FAILED
 */
export function openVaultKeyring(
  env: Readonly<Record<string, string | undefined>>,
  { keyringFile, vaultFile }: { keyringFile: string; vaultFile: string },
): Promise<Keyring> {
  return openKeyringFrom({ env, file: keyringFile, make: !existsSync(vaultFile) });
}
