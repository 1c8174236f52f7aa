import { secretColumn } from '../stores/local/local-vault.ts';
import type { SealedColumn } from '../vault/sealed-column.ts';
import { proofColumn } from '../vault/vault-file.ts';
import { connectionColumn } from './vault-connections.ts';

/** Everything in the vault file that is sealed with the keyring. */
export const sealedColumns: readonly SealedColumn[] = [proofColumn, secretColumn, connectionColumn];
