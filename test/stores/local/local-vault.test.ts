import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freshKeyring } from '../../../keyring/keyring.ts';
import { openKeyring } from '../../../keyring/keyring-source.ts';
import { Secret } from '../../../secrets/secret.ts';
import { openLocalVault } from '../../../stores/local/local-vault.ts';
import { openVaultByOwner } from '../by-owner.ts';
import { describeStore } from '../conformance.ts';
import { describeOwnedStore } from '../owned-conformance.ts';

const secret = { policy: 'checkout', name: 'OPENROUTER_API_KEY' };
const plaintext = `sk-or-v1-${'5f3c'.repeat(16)}`;
const keyring = freshKeyring();
let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-vault-'));
  file = join(folder, 'data', 'vault.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

describeOwnedStore('the local vault', () => openLocalVault({ file, keyring }));

describeStore('the local vault', () => {
  const home = mkdtempSync(join(tmpdir(), 'keyturn-vault-'));
  const store = openLocalVault({ file: join(home, 'vault.db'), keyring });
  const read = async (name: string) => store.read({ name, field: null }, 'checkout');
  let spots = 0;
  return {
    store,
    freshSpot: () => ({ name: `SECRET_${++spots}`, field: null }),
    async valueOf({ name }) {
      const held = await read(name);
      return held.kind === 'held' ? held.value.reveal() : null;
    },
    // Nobody else can.
    tamper: async () => {},
    close: () => rmSync(home, { recursive: true }),
  };
});

const open = () => openVaultByOwner({ file, keyring });

test('only its owner may read the file, and nothing else stays beside it', async () => {
  const vault = open();
  await vault.write(secret, new Secret(plaintext), 'r1');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700);
  expect(readdirSync(join(folder, 'data'))).toEqual(['vault.db']);
});

test('what was written is there after a restart', async () => {
  await open().write(secret, new Secret(plaintext), 'r1');
  const held = await open().read(secret);
  expect(held.kind === 'held' && held.value.reveal()).toBe(plaintext);
});

test('neither the vault nor the keyring holds a secret in clear', async () => {
  const keyringFile = join(folder, 'data', 'keyring.json');
  const vault = openVaultByOwner({ file, keyring: await openKeyring(keyringFile) });
  for (let n = 1; n <= 4; n++) await vault.write(secret, new Secret(plaintext), `r${n}`);
  await vault.restore(secret, { version: 3 }, 'r4');

  const forms = [plaintext, Buffer.from(plaintext).toString('hex'), Buffer.from(plaintext).toString('base64url')];
  const foundIn = (path: string, text: string) => readFileSync(path).includes(text);
  for (const path of [file, keyringFile]) {
    for (const form of forms) expect(foundIn(path, form.slice(0, 40)), path).toBe(false);
  }
  // The same search finds it where it is planted, so it would have found it above.
  const raw = new DatabaseSync(file);
  raw.prepare('UPDATE secret_version SET sealed = ?').run(plaintext);
  raw.close();
  expect(foundIn(file, plaintext.slice(0, 40))).toBe(true);
});

test('the current version and the one before are kept, older ones are not', async () => {
  const vault = open();
  for (let n = 1; n <= 4; n++) await vault.write(secret, new Secret(`key ${n}`), `r${n}`);
  const raw = new DatabaseSync(file, { readOnly: true });
  expect(raw.prepare('SELECT version FROM secret_version ORDER BY version').all()).toMatchObject([
    { version: 3 },
    { version: 4 },
  ]);
  raw.close();
});

test('the list shows each secret that has a value, its owner and version, and no value', async () => {
  const vault = open();
  expect(await vault.list()).toEqual([]);
  const started = new Date().toISOString();
  await vault.write({ policy: 'search', name: 'SEARCH_KEY' }, new Secret(plaintext), 'r1');
  await vault.write(secret, new Secret(plaintext), 'r1');
  await vault.write(secret, new Secret(plaintext), 'r2');
  await vault.write({ policy: 'undone', name: 'UNDONE' }, new Secret(plaintext), 'r1');
  await vault.restore({ policy: 'undone', name: 'UNDONE' }, null, 'r1');

  const entries = await vault.list();
  expect(entries).toMatchObject([
    { name: 'OPENROUTER_API_KEY', policy: 'checkout', version: 2 },
    { name: 'SEARCH_KEY', policy: 'search', version: 1 },
  ]);
  for (const { writtenAt } of entries) {
    expect(writtenAt >= started && writtenAt <= new Date().toISOString()).toBe(true);
  }
});

test('a version number is never used for a second value, not after an undo nor a removal', async () => {
  const vault = open();
  const seen = new Set<number>();
  for (const [at, undo] of ['none', 'restore', 'none', 'remove', 'none'].entries()) {
    await vault.write(secret, new Secret(`key ${at}`), `r${at}`);
    seen.add((await vault.list())[0]?.version ?? -1);
    if (undo === 'restore') await vault.restore(secret, { version: at }, `r${at}`);
    if (undo === 'remove') await vault.remove(secret);
  }
  expect([...seen]).toEqual([1, 2, 3, 4, 5]);
});

test('a late write does not bring a removed secret back', async () => {
  const vault = open();
  await vault.write(secret, new Secret(plaintext), 'r1');
  await vault.remove(secret);
  await expect(vault.write(secret, new Secret(plaintext), 'r1')).rejects.toMatchObject({
    code: 'KEYTURN_STORE_CLOSED',
  });
  expect(await vault.list()).toEqual([]);
});

test('a sealed value moved to another name or version does not open', async () => {
  const vault = open();
  await vault.write(secret, new Secret('first'), 'r1');
  await vault.write(secret, new Secret('second'), 'r2');
  const raw = new DatabaseSync(file);
  raw.exec('UPDATE secret_version SET sealed = (SELECT sealed FROM secret_version WHERE version = 1)');
  await expect(vault.read(secret)).rejects.toMatchObject({ code: 'KEYTURN_SEAL_BROKEN' });
  raw.exec("UPDATE secret_version SET name = 'OTHER'");
  raw.close();
  await expect(vault.read({ ...secret, name: 'OTHER' })).rejects.toMatchObject({ code: 'KEYTURN_SEAL_BROKEN' });
});
