import type { DatabaseSync } from 'node:sqlite';
import { fault } from '../../errors/keyturn-error.ts';
import type { Keyring } from '../../keyring/keyring.ts';
import { seal, unseal } from '../../secrets/seal.ts';
import type { SealedColumn } from '../../vault/sealed-column.ts';
import { openVaultFile } from '../../vault/vault-file.ts';
import type { StorePromises } from '../promises.ts';
import { inWords, type Memento, type Spot, type Store } from '../store.ts';

export type VaultEntry = { name: string; policy: string; version: number; writtenAt: string };

/** The store `local`: an encrypted file on this machine. */
export type LocalVault = Store & {
  /** Every secret the vault holds a value of, by name; no values. */
  list(): Promise<VaultEntry[]>;
};

export const secretColumn: SealedColumn = {
  table: 'secret_version',
  column: 'sealed',
  context: (row) => versionContext(String(row.name), Number(row.version)),
  named: (row) => `secret ${row.name} version ${row.version}`,
};

const storeName = 'local';
export const localPromises: StorePromises = {
  readsBack: true,
  // The one who writes is known, and nobody else may: there is nothing to compare with.
  comparesAndSets: false,
  fences: true,
  owns: true,
  versions: true,
  countsWrites: true,
  readsLagMs: 0,
  readersFollow: { at: 'once' },
};

/** Whose: the vault keeps the owner of each name itself. */
type SecretRef = { policy: string; name: string };
/** The current one and the one before it. */
const versionsKept = 2;

/**
 * Opens the vault of `file`; makes it where there is none. It is safe for several processes at once.
 *
 * A name belongs to the policy whose value it holds, from the first write until `remove` (or until that first write is
 * undone). Every call throws, beyond the interface: KEYTURN_STORE_UNAVAILABLE (locked for 2 s, read-only, disk full,
 * gone), KEYTURN_VAULT_CORRUPT, KEYTURN_KEYRING_INVALID (another keyring), KEYTURN_SEAL_BROKEN (a value was changed).
 */
export function openLocalVault({ file, keyring }: { file: string; keyring: Keyring }): LocalVault {
  const vault = openVaultFile({ file, keyring });

  return {
    name: storeName,
    kind: 'local',
    promises: localPromises,
    addressOf: async () => null,

    async check(spot, policy) {
      const secret = secretAt(spot, policy);
      vault.tryWrite((db) => refuseOtherOwner(db, secret));
      return { rights: [], refusal: null, warnings: [] };
    },

    async capture(spot, { policy }) {
      const secret = secretAt(spot, policy);
      // One that may not be written is told before anything is to be undone in it.
      vault.tryWrite((db) => refuseOtherOwner(db, secret));
      const row = vault.read((db) => newest(db, secret));
      return row ? { memento: { version: row.version }, note: `version ${row.version}` } : absent;
    },

    async write(spot, value, { policy, rotationId }) {
      const secret = secretAt(spot, policy);
      return vault.write((db) => {
        refuseOtherOwner(db, secret);
        const known = db
          .prepare('SELECT closed, version FROM rotation WHERE policy = ? AND name = ? AND rotation = ?')
          .get(secret.policy, secret.name, rotationId);
        if (known?.closed) throw fault('KEYTURN_STORE_CLOSED', rotationId);
        if (known) return { version: String(known.version), approval: null };

        const version = nextVersion(db, secret.name);
        const sealed = seal(keyring, value, versionContext(secret.name, version));
        db.prepare('INSERT INTO rotation (policy, name, rotation, version, closed) VALUES (?, ?, ?, ?, 0)').run(
          secret.policy,
          secret.name,
          rotationId,
          version,
        );
        db.prepare(
          'INSERT INTO secret_version (name, version, policy, rotation, sealed, written_at) VALUES (?, ?, ?, ?, ?, ?)',
        ).run(secret.name, version, secret.policy, rotationId, sealed, new Date().toISOString());
        db.prepare(
          `DELETE FROM secret_version WHERE name = ?1 AND version NOT IN
             (SELECT version FROM secret_version WHERE name = ?1 ORDER BY version DESC LIMIT ?2)`,
        ).run(secret.name, versionsKept);
        return { version: String(version), approval: null };
      });
    },

    async read(spot, policy) {
      const secret = secretAt(spot, policy);
      const row = vault.read((db) => newest(db, secret));
      if (!row) return { kind: 'absent' };
      const value = unseal(keyring, row.sealed, versionContext(secret.name, row.version));
      return { kind: 'held', value, version: String(row.version) };
    },

    // `before` is not needed: the version from before was kept beside the rotation's own, and is the newest again once
    // that is taken away. The same holds where another rotation wrote in between or after.
    async restore({ name }, _before, { policy, rotationId }) {
      return vault.write((db) => {
        const rotation = db
          .prepare(
            `INSERT INTO rotation (policy, name, rotation, version, closed) VALUES (?, ?, ?, NULL, 1)
               ON CONFLICT DO UPDATE SET closed = 1 RETURNING version`,
          )
          .get(policy, name, rotationId);
        db.prepare('DELETE FROM secret_version WHERE policy = ? AND name = ? AND rotation = ?').run(
          policy,
          name,
          rotationId,
        );
        return { end: 'restored', shown: rotation?.version !== null, approval: null };
      });
    },

    async remove({ name }, policy) {
      return vault.write((db) => {
        db.prepare('DELETE FROM secret_version WHERE policy = ? AND name = ?').run(policy, name);
        // A lost worker's late write must not bring the secret back.
        db.prepare('UPDATE rotation SET closed = 1 WHERE policy = ? AND name = ?').run(policy, name);
        return 'removed';
      });
    },

    async list() {
      return vault.read((db) =>
        db
          // SQLite takes the other columns from the row that has the maximum.
          .prepare('SELECT name, policy, max(version) AS version, written_at FROM secret_version GROUP BY name')
          .all()
          .map((row) => ({
            name: String(row.name),
            policy: String(row.policy),
            version: Number(row.version),
            writtenAt: String(row.written_at),
          })),
      );
    },
  };
}

const absent: { memento: Memento; note: string } = { memento: null, note: 'nothing yet' };

function secretAt(spot: Spot, policy: string): SecretRef {
  if (spot.field === null) return { policy, name: spot.name };
  throw fault(
    'KEYTURN_STORE_REFUSED',
    storeName,
    inWords(spot),
    'a secret of the local vault is one value, without fields',
  );
}

/** Additional data of a version: moved to another name or version, its value does not open. */
function versionContext(name: string, version: number): string {
  return JSON.stringify(['vault', name, version]);
}

function newest(db: DatabaseSync, secret: SecretRef): { version: number; sealed: string } | undefined {
  const row = db
    .prepare('SELECT version, policy, sealed FROM secret_version WHERE name = ? ORDER BY version DESC LIMIT 1')
    .get(secret.name);
  if (!row) return undefined;
  if (row.policy !== secret.policy) throw fault('KEYTURN_SECRET_OWNED', secret.name, storeName, String(row.policy));
  return { version: Number(row.version), sealed: String(row.sealed) };
}

function refuseOtherOwner(db: DatabaseSync, secret: SecretRef): void {
  newest(db, secret);
}

/** Never one that was used before, even by a rotation that was undone: a version names one value for ever. */
function nextVersion(db: DatabaseSync, name: string): number {
  const row = db.prepare('SELECT max(version) AS latest FROM rotation WHERE name = ?').get(name);
  return Number(row?.latest ?? 0) + 1;
}
