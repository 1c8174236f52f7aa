import { KeyturnError } from '../errors/keyturn-error.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { keyIdOf, seal, unseal } from '../secrets/seal.ts';
import type { SealedColumn } from './sealed-column.ts';
import type { VaultFile } from './vault-file.ts';

/** A sealed value of the vault and the key that opens it. */
export type SealedRow = { named: string; keyId: string };

/** Every sealed value of these columns. */
export function sealedRows(vault: VaultFile, columns: readonly SealedColumn[]): SealedRow[] {
  return vault.read((db) =>
    columns.flatMap(({ table, column, named }) =>
      db
        .prepare(`SELECT * FROM ${table}`)
        .all()
        .map((row) => ({ named: named(row), keyId: keyIdOf(String(row[column])) })),
    ),
  );
}

/**
 * Seals every value that another key opens anew, with the active key. Each row is a transaction of its own: it may be
 * stopped at any moment and begun again, and readers and writers go on meanwhile. A row that does not open is left as
 * it is, and named in `left`.
 *
 * @throws KEYTURN_STORE_UNAVAILABLE some rows may be done; again goes on with the others
 */
export function sealAnew(
  vault: VaultFile,
  keyring: Keyring,
  columns: readonly SealedColumn[],
): { sealed: number; left: string[] } {
  const active = keyring.activeId;
  let done = 0;
  const left: string[] = [];
  for (const { table, column, context, named } of columns) {
    const rows = vault.read((db) => db.prepare(`SELECT * FROM ${table}`).all());
    for (const row of rows) {
      const before = String(row[column]);
      try {
        if (keyIdOf(before) === active) continue;
        const after = seal(keyring, unseal(keyring, before, context(row)), context(row));
        // Its own bytes name the row, no two are alike: one that was replaced since it was read is not touched.
        vault.write((db) => db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${column} = ?`).run(after, before));
        done++;
      } catch (error) {
        if (!(error instanceof KeyturnError && error.code === 'KEYTURN_SEAL_BROKEN')) throw error;
        left.push(named(row));
      }
    }
  }
  return { sealed: done, left };
}
