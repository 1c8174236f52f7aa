import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openConnections } from '../../connections/registry.ts';
import { sealedColumns } from '../../connections/sealed-columns.ts';
import type { Keyring } from '../../keyring/keyring.ts';
import { withActive, withKey } from '../../keyring/keyring-changes.ts';
import { changeKeyringFile, newPlainKey } from '../../keyring/keyring-file.ts';
import { openKeyringFrom } from '../../keyring/keyring-source.ts';
import { secretsHere } from '../../secrets/read-reference.ts';
import { Secret } from '../../secrets/secret.ts';
import { sealAnew, sealedRows } from '../../vault/seal-anew.ts';
import { openVaultFile } from '../../vault/vault-file.ts';
import { openVaultByOwner } from '../stores/by-owner.ts';

const names = Array.from({ length: 15 }, (_, n) => `secret-${n}`);
let folder: string;
let vaultFile: string;
let file: string;
let before: Keyring;
let oldId: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-seal-anew-'));
  vaultFile = join(folder, 'vault.db');
  file = join(folder, 'keyring.json');
  before = await openKeyringFrom({ env: {}, file, make: true });
  oldId = before.activeId;
  const vault = openVaultByOwner({ file: vaultFile, keyring: before });
  for (const name of names) {
    for (const n of [1, 2]) await vault.write({ policy: name, name }, new Secret(`value ${n} of ${name}`), `r${n}`);
  }
  const kept = connections(before);
  await kept.add('main', { managementKey: new Secret('sk-or-v1-main') });
  await kept.add('other', { managementKey: new Secret('sk-or-v1-other'), baseUrl: 'https://example.com/api/v1' });
  const now = new Date();
  changeKeyringFile(file, (held) => withActive(withKey(held, 'new', newPlainKey(), now), 'new', now));
});
afterEach(() => rmSync(folder, { recursive: true }));

const connections = (keyring: Keyring) =>
  openConnections({
    vaultFile,
    keyring: async () => keyring,
    declared: { file: undefined, connections: new Map() },
    secret: secretsHere({ env: {}, folder }),
  });
const opened = () => openKeyringFrom({ env: {}, file, make: false });
const inVault = (keyring: Keyring) => openVaultFile({ file: vaultFile, keyring });
const sealedWith = (keyring: Keyring, id: string) =>
  sealedRows(inVault(keyring), sealedColumns).filter(({ keyId }) => keyId === id);

async function expectAllToOpen(keyring: Keyring): Promise<void> {
  const vault = openVaultByOwner({ file: vaultFile, keyring });
  for (const name of names) {
    const held = await vault.read({ policy: name, name });
    expect(held.kind === 'held' && held.value.reveal()).toBe(`value 2 of ${name}`);
  }
  const kept = connections(keyring);
  expect((await kept.get('main')).managementKey.reveal()).toBe('sk-or-v1-main');
  expect((await kept.get('other')).managementKey.reveal()).toBe('sk-or-v1-other');
}

test('everything in the vault moves to the active key, the bytes of the old one are overwritten, and again does nothing', async () => {
  const keyring = await opened();
  const every = 1 + names.length * 2 + 2;
  expect(sealedWith(keyring, oldId)).toHaveLength(every);
  expect(sealAnew(inVault(keyring), keyring, sealedColumns)).toEqual({ sealed: every, left: [] });
  expect(sealedWith(keyring, 'new')).toHaveLength(every);
  // Also in a table that nobody has told of.
  expect(readFileSync(vaultFile, 'latin1')).not.toContain(`kt1.${oldId}.`);
  await expectAllToOpen(keyring);
  // The version from before is what a rotation that fails puts back.
  const vault = openVaultByOwner({ file: vaultFile, keyring });
  await vault.restore({ policy: 'secret-0', name: 'secret-0' }, { version: 1 }, 'r2');
  const restored = await vault.read({ policy: 'secret-0', name: 'secret-0' });
  expect(restored.kind === 'held' && restored.value.reveal()).toBe('value 1 of secret-0');
  expect(sealAnew(inVault(keyring), keyring, sealedColumns)).toEqual({ sealed: 0, left: [] });
});

test('killed again and again in the middle, everything opens all the time, and the next one ends it', async () => {
  const keyring = await opened();
  const fixture = join(import.meta.dirname, 'seal-anew.fixture.ts');
  let interrupted = 0;
  for (const moved of [0, 1, 4, 9, 20]) {
    const child = spawn(process.execPath, [fixture, vaultFile, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    while (child.exitCode === null && sealedWith(keyring, 'new').length < moved) await nextTurn();
    child.kill('SIGKILL');
    await ended;
    if (sealedWith(keyring, oldId).length > 0) interrupted++;
    await expectAllToOpen(keyring);
    const raw = new DatabaseSync(vaultFile, { readOnly: true });
    expect(raw.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    raw.close();
  }
  expect(interrupted).toBeGreaterThanOrEqual(1);
  sealAnew(inVault(keyring), keyring, sealedColumns);
  expect(sealedWith(keyring, oldId)).toEqual([]);
  await expectAllToOpen(keyring);
});

test('a process that has not seen the change writes with the old key, and that is found and moved', async () => {
  const keyring = await opened();
  sealAnew(inVault(keyring), keyring, sealedColumns);
  // As a worker within the second in which it has not looked yet: it reads with the new key and writes with the old.
  const late: Keyring = { activeId: oldId, key: (id) => keyring.key(id) };
  const vault = openVaultByOwner({ file: vaultFile, keyring: late });
  await vault.write({ policy: 'late', name: 'LATE' }, new Secret('late'), 'r1');
  expect(sealedWith(keyring, oldId)).toEqual([{ named: 'secret LATE version 1', keyId: oldId }]);
  expect(sealAnew(inVault(keyring), keyring, sealedColumns)).toEqual({ sealed: 1, left: [] });
});

test('a value that does not open is named and left, and the others move', async () => {
  const keyring = await opened();
  const raw = new DatabaseSync(vaultFile);
  raw.exec(
    "UPDATE secret_version SET sealed = substr(sealed, 1, length(sealed) - 2) || 'AA' WHERE name = 'secret-3' AND version = 2",
  );
  raw.close();
  expect(sealAnew(inVault(keyring), keyring, sealedColumns).left).toEqual(['secret secret-3 version 2']);
  expect(sealedWith(keyring, oldId)).toEqual([{ named: 'secret secret-3 version 2', keyId: oldId }]);
});
