import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, linkSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fault, KeyturnError } from '../errors/keyturn-error.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { keyIdOf, seal, unseal } from '../secrets/seal.ts';
import { Secret } from '../secrets/secret.ts';
import type { SealedColumn } from './sealed-column.ts';
import { vaultFault } from './vault-faults.ts';

/** One SQLite file for secrets and connections; values in it are sealed. Several processes use it at once. */
export type VaultFile = {
  /** Everything `work` reads is of one moment. */
  read<T>(work: (db: DatabaseSync) => T): T;
  /** One transaction: all of `work` or nothing, on disk when this returns. */
  write<T>(work: (db: DatabaseSync) => T): T;
  /** As `write`, up to the commit: proves that the file may be written, and changes nothing. */
  tryWrite<T>(work: (db: DatabaseSync) => T): T;
};

/** How long a call waits for another process. It blocks this process too, so it is short: callers try again. */
const lockWaitMs = 2_000;

const format = 1;
const applicationId = 0x6b74726e; // "ktrn" in the header of the file, so that another program's database is known
const proofContext = JSON.stringify(['vault proof']);

/** Opens with every keyring that this vault belongs to, before anything else of it is touched. */
export const proofColumn: SealedColumn = {
  table: 'vault',
  column: 'proof',
  context: () => proofContext,
  named: () => 'the proof of its keyring',
};

const schema = `
  CREATE TABLE vault (proof TEXT NOT NULL) STRICT;
  CREATE TABLE secret_version (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    policy TEXT NOT NULL,
    rotation TEXT NOT NULL,
    sealed TEXT NOT NULL,
    written_at TEXT NOT NULL,
    PRIMARY KEY (name, version)
  ) STRICT, WITHOUT ROWID;
  -- Every rotation that ever wrote or was undone: a late write is told apart from a new one long after its value went.
  CREATE TABLE rotation (
    policy TEXT NOT NULL,
    name TEXT NOT NULL,
    rotation TEXT NOT NULL,
    version INTEGER,
    closed INTEGER NOT NULL,
    PRIMARY KEY (policy, name, rotation)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX rotation_version ON rotation (name, version);
  CREATE TABLE connection (
    name TEXT NOT NULL PRIMARY KEY,
    sealed TEXT NOT NULL,
    base_url TEXT,
    added_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${format};
`;

/**
 * Opens the vault of `file`, and makes it (mode 0600) where there is none. Each call opens the file anew (0.05 ms), so
 * nothing is held between calls: a file that is replaced by a backup is the one used, one that vanishes is noticed.
 *
 * @throws KEYTURN_STORE_UNAVAILABLE transient: locked, read-only, disk full, gone
 * @throws KEYTURN_VAULT_CORRUPT terminal: cut, damaged, or not a vault
 * @throws KEYTURN_KEYRING_INVALID terminal: sealed with another keyring
 */
export function openVaultFile({ file, keyring }: { file: string; keyring: Keyring }): VaultFile {
  const run = <T>(begin: string, end: string, work: (db: DatabaseSync) => T): T =>
    withDatabase(file, (db) => {
      db.exec(begin);
      proveVault(db, file, keyring);
      const result = work(db);
      db.exec(end);
      return result;
    });
  // IMMEDIATE: a transaction that reads first and then asks to write could not wait for another one that does too.
  const vault: VaultFile = {
    read: (work) => run('BEGIN', 'COMMIT', work),
    write: (work) => run('BEGIN IMMEDIATE', 'COMMIT', work),
    // Setting what is set already makes SQLite open its journal and take the page for writing.
    tryWrite: (work) => run('BEGIN IMMEDIATE', `PRAGMA user_version = ${format}; ROLLBACK`, work),
  };
  if (!existsSync(file)) makeOnce(file, keyring);
  vault.read(() => undefined);
  return vault;
}

/**
 * The rollback journal (SQLite's default) and not WAL: who finds the file locked waits, nothing stays beside the file
 * between calls, and copying the one file is a backup. WAL's gain, readers beside a writer, is nothing to a vault that
 * is used for milliseconds a day.
 */
function withDatabase<T>(file: string, work: (db: DatabaseSync) => T): T {
  let db: DatabaseSync | undefined;
  try {
    // SQLite would make a missing file: a vault on a volume that is not mounted must not turn into an empty one.
    if (!existsSync(file)) throw fault('KEYTURN_STORE_UNAVAILABLE', 'local', `${file} is not there any more`);
    db = new DatabaseSync(file, { timeout: lockWaitMs });
    // EXTRA: a power cut after a commit must not bring back the secret from before, whose key may be revoked by then.
    db.exec('PRAGMA synchronous = EXTRA; PRAGMA secure_delete = ON');
    return work(db);
  } catch (cause) {
    throw cause instanceof KeyturnError ? cause : vaultFault(file, cause);
  } finally {
    // What was not committed is rolled back by closing.
    db?.close();
  }
}

/** This is a vault, of a format we know, and the keyring is the one it was sealed with: before anything is changed. */
function proveVault(db: DatabaseSync, file: string, keyring: Keyring): void {
  if (db.prepare('PRAGMA application_id').get()?.application_id !== applicationId) {
    throw fault('KEYTURN_VAULT_CORRUPT', file, 'it is empty or belongs to another program');
  }
  const held = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  if (held > format) throw fault('KEYTURN_STORE_UNAVAILABLE', 'local', `${file} was made by a newer Keyturn`);
  const proof = String(db.prepare('SELECT proof FROM vault').get()?.proof);
  try {
    unseal(keyring, proof, proofContext);
  } catch {
    throw fault('KEYTURN_KEYRING_INVALID', `it does not open ${file}, which was sealed with key ${keyIdOf(proof)}`);
  }
}

/** Whole or not at all, so that an empty file is always damage and never a vault that somebody has just begun. */
function makeOnce(file: string, keyring: Keyring): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const draft = `${file}.${randomBytes(6).toString('hex')}`;
    try {
      closeSync(openSync(draft, 'wx', 0o600));
      withDatabase(draft, (db) => {
        db.exec(`BEGIN IMMEDIATE; ${schema}`);
        db.prepare('INSERT INTO vault (proof) VALUES (?)').run(seal(keyring, new Secret('keyturn'), proofContext));
        db.exec('COMMIT');
      });
      linkSync(draft, file); // never replaces, unlike a rename: of several processes one is first
    } finally {
      rmSync(draft, { force: true });
    }
  } catch (cause) {
    if (cause instanceof KeyturnError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EEXIST' && existsSync(file)) return;
    throw fault('KEYTURN_STORE_UNAVAILABLE', 'local', `${file} cannot be made (${code})`);
  }
}
