import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freshKeyring } from '../../../keyring/keyring.ts';
import { openKeyring } from '../../../keyring/keyring-source.ts';
import { Secret } from '../../../secrets/secret.ts';
import { openVaultByOwner, type VaultByOwner } from '../by-owner.ts';

const secret = { policy: 'checkout', name: 'OPENROUTER_API_KEY' };
const plaintext = `sk-or-v1-${'5f3c'.repeat(16)}`;
const keyring = freshKeyring();
const fixture = join(import.meta.dirname, 'vault-process.fixture.ts');
let folder: string;
let file: string;
let vault: VaultByOwner;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-vault-'));
  file = join(folder, 'vault.db');
  vault = openVaultByOwner({ file, keyring });
  await vault.write(secret, new Secret(plaintext), 'r1');
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true });
});

async function errorsOfEveryCall(): Promise<{ code: string; message: string }[]> {
  const calls = [
    async () => openVaultByOwner({ file, keyring }),
    () => vault.check(secret),
    () => vault.capture(secret),
    () => vault.write(secret, new Secret(plaintext), 'r2'),
    () => vault.read(secret),
    () => vault.restore(secret, null, 'r1'),
    () => vault.remove(secret),
    () => vault.list(),
  ];
  const errors = await Promise.all(
    calls.map((call) =>
      call().then(
        () => ({ code: 'none', message: '' }),
        (error) => error,
      ),
    ),
  );
  expect(inspect(errors, { depth: 9, showHidden: true })).not.toContain('sk-or-v1');
  return errors;
}

async function expectEveryCall(code: string, says: string): Promise<void> {
  for (const error of await errorsOfEveryCall()) {
    expect(error).toMatchObject({ code, message: expect.stringContaining(says) });
  }
}

describe('a damaged file is refused by every call, and stays as it is', () => {
  const damages: [string, () => void, string][] = [
    ['cut to nothing', () => truncateSync(file, 0), 'it is empty'],
    ['cut within a page', () => truncateSync(file, 5_000), 'missing or overwritten'],
    ['cut at a page', () => truncateSync(file, 8_192), 'missing or overwritten'],
    ['cut to its header', () => truncateSync(file, 100), ''],
    ['text', () => writeFileSync(file, 'OPENROUTER_API_KEY=…\n'.repeat(400)), 'it is not a vault'],
    ['zeros', () => writeFileSync(file, Buffer.alloc(40_960)), ''],
    ['another program’s database', () => otherDatabase(), 'belongs to another program'],
  ];
  test.each(damages)('%s', async (_name, damage, says) => {
    damage();
    const before = readFileSync(file);
    await expectEveryCall('KEYTURN_VAULT_CORRUPT', says);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  function otherDatabase() {
    rmSync(file);
    const db = new DatabaseSync(file);
    db.exec('CREATE TABLE bookmark (url TEXT)');
    db.close();
  }
});

test('a vault of another keyring is refused by every call, names the key, and stays as it is', async () => {
  const before = readFileSync(file);
  const other = freshKeyring();
  expect(() => openVaultByOwner({ file, keyring: other })).toThrow(
    expect.objectContaining({
      code: 'KEYTURN_KEYRING_INVALID',
      message: expect.stringContaining(`${file}, which was sealed with key ${keyring.activeId}`),
    }),
  );
  // The same for a worker that runs while the file is replaced by another vault.
  const elsewhere = join(folder, 'elsewhere.db');
  openVaultByOwner({ file: elsewhere, keyring: other });
  copyFileSync(elsewhere, file);
  await expectEveryCall('KEYTURN_KEYRING_INVALID', `sealed with key ${other.activeId}`);
  writeFileSync(file, before);
  expect((await vault.read(secret)).kind).toBe('held');
});

test('a vault that vanishes under a running worker is a fault, not an empty vault', async () => {
  rmSync(file);
  await expect(vault.read(secret)).rejects.toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE' });
  await expect(vault.write(secret, new Secret(plaintext), 'r2')).rejects.toMatchObject({
    message: expect.stringContaining(`${file} is not there any more`),
  });
});

test('a vault of a newer Keyturn is left alone', async () => {
  const raw = new DatabaseSync(file);
  raw.exec('PRAGMA user_version = 99');
  raw.close();
  await expectEveryCall('KEYTURN_STORE_UNAVAILABLE', 'made by a newer Keyturn');
});

test('a folder in place of the vault, or a file in place of its folder, is refused by name', () => {
  const folderThere = join(folder, 'folder.db');
  mkdirSync(folderThere);
  for (const path of [folderThere, join(file, 'vault.db')]) {
    expect(() => openVaultByOwner({ file: path, keyring })).toThrow(
      expect.objectContaining({ code: 'KEYTURN_STORE_UNAVAILABLE', message: expect.stringContaining(path) }),
    );
  }
});

describe('without the right to write', () => {
  async function asStranger(fileMode: number, folderMode: number): Promise<string[]> {
    const keyringFile = join(folder, 'keyring.json');
    rmSync(file);
    const own = openVaultByOwner({ file, keyring: await openKeyring(keyringFile) });
    await own.write({ policy: 'p', name: 'p' }, new Secret(plaintext), 'r1');
    chmodSync(file, fileMode);
    chmodSync(folder, folderMode);
    const { stdout } = spawnSync(process.execPath, [fixture, 'useAsStranger', file, keyringFile, 'p'], {
      encoding: 'utf8',
    });
    return stdout.trim().split('\n');
  }

  test('to the file, it is read, and check and write say why not', async () => {
    const [read, check, write] = await asStranger(0o444, 0o555);
    expect(read).toBe('done');
    for (const said of [check, write]) {
      expect(said).toContain('KEYTURN_STORE_UNAVAILABLE');
      expect(said).toContain('may not be written');
    }
  });

  test('to its folder, check and write say why not', async () => {
    const [read, check, write] = await asStranger(0o666, 0o555);
    expect(read).toBe('done');
    for (const said of [check, write]) expect(said).toMatch(/KEYTURN_STORE_UNAVAILABLE.*or its folder may not/);
  });

  test('nor to read, everything says so', async () => {
    for (const said of await asStranger(0o000, 0o555))
      expect(said).toMatch(/KEYTURN_STORE_UNAVAILABLE.*cannot be opened/);
  });
});

// A real full disk: a file system of 300 KB that only this process sees. Some machines allow no user namespaces.
const smallDisk = ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=300k none "$1" && shift && exec "$@"', 'sh'];
const canMount = spawnSync('unshare', [...smallDisk, tmpdir(), 'true']).status === 0;

test.skipIf(!canMount)('a full disk is a fault that passes, and what was written before it is whole', () => {
  const small = join(folder, 'small');
  mkdirSync(small);
  const { stdout } = spawnSync(
    'unshare',
    [...smallDisk, small, process.execPath, fixture, 'fill', join(small, 'vault.db'), join(folder, 'k.json'), 'p'],
    { encoding: 'utf8' },
  );
  const [error, counts] = stdout.trim().split('\n');
  expect(JSON.parse(String(error))).toMatchObject({
    code: 'KEYTURN_STORE_UNAVAILABLE',
    kind: 'transient',
    message: expect.stringContaining('the disk is full'),
  });
  const { written, held } = JSON.parse(String(counts));
  expect(written).toBeGreaterThan(3);
  expect(held).toBe(written);
});
