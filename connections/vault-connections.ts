import type { DatabaseSync } from 'node:sqlite';
import { fault } from '../errors/keyturn-error.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { seal, unseal } from '../secrets/seal.ts';
import type { Secret } from '../secrets/secret.ts';
import type { SealedColumn } from '../vault/sealed-column.ts';
import type { VaultFile } from '../vault/vault-file.ts';

type Kept = { baseUrl: string | null; managementKey: Secret; requestsPerSecond: number | null };

/**
 * Connections in the vault file, their management keys sealed. `baseUrl` null: OpenRouter's own. `requestsPerSecond` null:
 * nothing was said.
 */
export type VaultConnections = {
  list(): ({ name: string } & Omit<Kept, 'managementKey'>)[];
  get(name: string): { baseUrl: string | null; managementKey: Secret } | undefined;
  /** @throws KEYTURN_CONNECTION_EXISTS there is one, and `replace` is false */
  put(name: string, connection: Kept, replace: boolean): void;
  /** false: there was none. */
  remove(name: string): boolean;
};

const paceColumn = 'requests_per_second';

export const connectionColumn: SealedColumn = {
  table: 'connection',
  column: 'sealed',
  context: (row) => context(String(row.name), textOrNull(row.base_url)),
  named: (row) => `connection ${row.name}`,
};

export function vaultConnections(vault: VaultFile, keyring: Keyring): VaultConnections {
  return {
    list: () =>
      vault
        .read((db) => db.prepare('SELECT * FROM connection ORDER BY name').all())
        .map((row) => ({
          name: String(row.name),
          baseUrl: textOrNull(row.base_url),
          requestsPerSecond: typeof row[paceColumn] === 'number' ? row[paceColumn] : null,
        })),

    get(name) {
      const row = vault.read((db) => db.prepare('SELECT sealed, base_url FROM connection WHERE name = ?').get(name));
      if (!row) return undefined;
      const baseUrl = textOrNull(row.base_url);
      return { baseUrl, managementKey: unseal(keyring, String(row.sealed), context(name, baseUrl)) };
    },

    put(name, { baseUrl, managementKey, requestsPerSecond }, replace) {
      const sealed = seal(keyring, managementKey, context(name, baseUrl));
      vault.write((db) => {
        const there = db.prepare('SELECT name FROM connection WHERE name = ?').get(name);
        if (there && !replace) throw fault('KEYTURN_CONNECTION_EXISTS', name);
        withPaces(db);
        db.prepare(
          `INSERT OR REPLACE INTO connection (name, sealed, base_url, added_at, ${paceColumn}) VALUES (?, ?, ?, ?, ?)`,
        ).run(name, sealed, baseUrl, new Date().toISOString(), requestsPerSecond);
      });
    },

    remove: (name) => vault.write((db) => db.prepare('DELETE FROM connection WHERE name = ?').run(name).changes > 0),
  };
}

/** A vault from before connections had paces of their own gets the column; a Keyturn from before does not mind it. */
function withPaces(db: DatabaseSync): void {
  const columns = db.prepare('SELECT name FROM pragma_table_info(?)').all('connection');
  if (columns.some(({ name }) => name === paceColumn)) return;
  db.exec(`ALTER TABLE connection ADD COLUMN ${paceColumn} REAL`);
}

/** Holds the address too: who can write the file cannot send the management key to a host of theirs. */
function context(name: string, baseUrl: string | null): string {
  return JSON.stringify(['connection', name, baseUrl]);
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
