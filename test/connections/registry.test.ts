import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DeclaredConnection } from '../../config/declared-connection.ts';
import { openConnections } from '../../connections/registry.ts';
import { freshKeyring } from '../../keyring/keyring.ts';
import { secretsHere } from '../../secrets/read-reference.ts';
import { Secret } from '../../secrets/secret.ts';
import { openVaultByOwner } from '../stores/by-owner.ts';

const openrouter = 'https://openrouter.ai/api/v1';
const plaintext = `sk-or-v1-${'5f3c'.repeat(16)}`;
const keyring = freshKeyring();
let folder: string;
let vaultFile: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-connections-'));
  vaultFile = join(folder, 'vault.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

function connect(
  declared: Record<string, DeclaredConnection> = {},
  env: Record<string, string> = {},
  opener = keyring,
) {
  const yaml = { file: '/etc/keyturn.yaml', connections: new Map(Object.entries(declared)) };
  const secret = secretsHere({ env, folder });
  return openConnections({ vaultFile, keyring: async () => opener, declared: yaml, secret });
}
const add = (
  name: string,
  key: string,
  more: { baseUrl?: string; requestsPerSecond?: number; replace?: boolean } = {},
) => connect().add(name, { managementKey: new Secret(key), ...more });
const keyOf = async (name: string, connections = connect()) => (await connections.get(name)).managementKey.reveal();
const refused = (code: string, says: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(says) });

describe('in the vault', () => {
  test('one that was added is there after a restart, without the line end it came with', async () => {
    await add('main', `${plaintext}\n`);
    expect(await keyOf('main')).toBe(plaintext);
    expect(await connect().list()).toEqual([
      { name: 'main', source: 'vault', store: null, baseUrl: openrouter, requestsPerSecond: null },
    ]);
  });

  test('a pace of its own is kept, also in a vault from before there were any', async () => {
    await add('slow', plaintext, { requestsPerSecond: 0.5 });
    await add('none', plaintext);
    expect(await connect().list()).toMatchObject([
      { name: 'none', requestsPerSecond: null },
      { name: 'slow', requestsPerSecond: 0.5 },
    ]);
    for (const requestsPerSecond of [0, -1, 51, Number.NaN]) {
      await expect(add('new', plaintext, { requestsPerSecond })).rejects.toEqual(
        refused('KEYTURN_USAGE', '--requests-per-second is not a number of requests a second; above 0 and at most 50'),
      );
    }
  });

  test('a base URL of its own is kept', async () => {
    await add('sim', plaintext, { baseUrl: 'http://127.0.0.1:4010/api/v1/' });
    expect(await connect().get('sim')).toMatchObject({ name: 'sim', baseUrl: 'http://127.0.0.1:4010/api/v1' });
  });

  test('one in use is not replaced by a slip, and is when asked', async () => {
    await add('main', 'first');
    await expect(add('main', 'second')).rejects.toEqual(refused('KEYTURN_CONNECTION_EXISTS', '"main"'));
    expect(await keyOf('main')).toBe('first');
    await add('main', 'second', { replace: true });
    expect(await keyOf('main')).toBe('second');
    await add('new', 'third', { replace: true });
    expect(await keyOf('new')).toBe('third');
  });

  test('an unknown one is refused with the list of known ones', async () => {
    await add('main', plaintext);
    await add('archive', plaintext);
    const connections = connect({ ops: { source: 'env', variable: 'KEY' } });
    for (const call of [connections.get('mian'), connections.remove('mian')]) {
      await expect(call).rejects.toEqual(
        refused('KEYTURN_CONNECTION_UNKNOWN', 'no connection "mian". Did you mean main? There are 2 others.'),
      );
    }
  });

  test('a removed one is gone', async () => {
    await add('main', plaintext);
    await connect().remove('main');
    expect(await connect().list()).toEqual([]);
    await expect(connect().get('main')).rejects.toEqual(refused('KEYTURN_CONNECTION_UNKNOWN', 'There is none yet.'));
  });

  test('the file holds no key in clear, and shares it with the secrets of policies', async () => {
    const vault = openVaultByOwner({ file: vaultFile, keyring });
    await vault.write({ policy: 'p', name: 'S' }, new Secret('secret'), 'r1');
    await add('main', plaintext);
    expect(readFileSync(vaultFile).includes('5f3c5f3c')).toBe(false);
    expect(readFileSync(vaultFile).includes('main')).toBe(true);
    expect(await vault.list()).toMatchObject([{ name: 'S' }]);
  });

  test('a key moved to another name or address in the file does not open, so it is not sent there', async () => {
    await add('main', plaintext);
    await add('other', 'other-key');
    const raw = new DatabaseSync(vaultFile);
    raw.exec("UPDATE connection SET base_url = 'https://evil.example' WHERE name = 'main'");
    raw.exec("UPDATE connection SET sealed = (SELECT sealed FROM connection WHERE name = 'main') WHERE name = 'other'");
    raw.close();
    for (const name of ['main', 'other']) {
      await expect(connect().get(name)).rejects.toMatchObject({ code: 'KEYTURN_SEAL_BROKEN' });
    }
  });

  test('another keyring is refused', async () => {
    await add('main', plaintext);
    await expect(connect({}, {}, freshKeyring()).get('main')).rejects.toMatchObject({
      code: 'KEYTURN_KEYRING_INVALID',
    });
  });
});

describe('what cannot be a management key is refused and not shown', () => {
  test.each([
    ['', 'it is empty'],
    [' \n\t', 'it is empty'],
    [`${plaintext}\n${plaintext}`, 'more than one line'],
    [`Bearer ${plaintext}`, 'spaces'],
    [`${plaintext}\u0000`, 'not printable'],
    [`${plaintext}\u200b`, 'not printable'],
    [plaintext.repeat(100), 'too long'],
  ])('%j', async (key, says) => {
    const error = await add('main', key).catch((thrown) => thrown);
    expect(error).toEqual(refused('KEYTURN_USAGE', says));
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('5f3c');
    expect(await connect().list()).toEqual([]);
  });

  test.each([['Main'], [''], [plaintext], ['a'.repeat(49)], ['a--b'], ['a b']])('the name %j', async (name) => {
    const error = await add(name, plaintext).catch((thrown) => thrown);
    expect(error).toEqual(refused('KEYTURN_USAGE', 'The name is'));
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('5f3c5f3c');
  });

  test('a base URL over which it would go in clear', async () => {
    await expect(add('main', plaintext, { baseUrl: 'http://openrouter.ai/api/v1' })).rejects.toEqual(
      refused('KEYTURN_USAGE', 'The base URL is not a base URL'),
    );
  });
});

describe('declared in keyturn.yaml', () => {
  const fromEnv: DeclaredConnection = { source: 'env', variable: 'MANAGEMENT_KEY' };
  const fromFile = (): DeclaredConnection => ({ source: 'file', path: join(folder, 'key.txt') });

  test('from a variable, and no vault is made for it', async () => {
    const connections = connect({ main: fromEnv }, { MANAGEMENT_KEY: `${plaintext}\n` });
    expect(await connections.get('main')).toMatchObject({ name: 'main', baseUrl: openrouter });
    expect(await keyOf('main', connections)).toBe(plaintext);
    expect(existsSync(vaultFile)).toBe(false);
  });

  test('from a file, which is read anew each time: a replaced one is picked up', async () => {
    const connections = connect({ main: fromFile() });
    writeFileSync(join(folder, 'key.txt'), 'first\n');
    expect(await keyOf('main', connections)).toBe('first');
    writeFileSync(join(folder, 'key.new'), 'second\n');
    renameSync(join(folder, 'key.new'), join(folder, 'key.txt'));
    expect(await keyOf('main', connections)).toBe('second');
  });

  test('one whose variable or file is wrong says which and why, and shows no key', async () => {
    const why = async (declared: DeclaredConnection, env: Record<string, string> = {}) => {
      const error = await connect({ main: declared }, env)
        .get('main')
        .catch((thrown) => thrown);
      expect(error).toMatchObject({ code: 'KEYTURN_CONNECTION_UNREADABLE', kind: 'needs-attention' });
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('5f3c5f3c');
      return error.message;
    };
    const path = join(folder, 'key.txt');
    expect(await why(fromEnv)).toContain('environment variable MANAGEMENT_KEY is not set');
    expect(await why(fromEnv, { MANAGEMENT_KEY: '' })).toContain('MANAGEMENT_KEY is empty');
    expect(await why(fromEnv, { MANAGEMENT_KEY: `a ${plaintext}` })).toContain('spaces');
    expect(await why(fromFile())).toContain(`file ${path} is not there`);
    writeFileSync(path, `${plaintext}\n${plaintext}\n`);
    expect(await why(fromFile())).toContain(`file ${path} holds no key: it has more than one line`);
    writeFileSync(path, plaintext.repeat(100));
    expect(await why(fromFile())).toContain('it is too long for a key');
    writeFileSync(path, plaintext.repeat(1000));
    expect(await why(fromFile())).toContain('too large');
    expect(await why({ source: 'file', path: folder })).toContain('is not a regular file');
  });

  test('it is used instead of one in the vault, listed once, and adding under its name is refused', async () => {
    await add('main', 'from the vault'.replaceAll(' ', '-'));
    await add('other', plaintext);
    const connections = connect({ main: fromEnv }, { MANAGEMENT_KEY: 'from-env' });
    expect(await keyOf('main', connections)).toBe('from-env');
    expect(await connections.list()).toEqual([
      { name: 'main', source: 'env', store: null, baseUrl: openrouter, requestsPerSecond: null },
      { name: 'other', source: 'vault', store: null, baseUrl: openrouter, requestsPerSecond: null },
    ]);
    await expect(connections.add('main', { managementKey: new Secret(plaintext), replace: true })).rejects.toEqual(
      refused('KEYTURN_CONNECTION_DECLARED', '/etc/keyturn.yaml'),
    );
  });

  test('removing takes the one behind it out of the vault, and refuses when there is none', async () => {
    await add('main', 'hidden');
    const connections = connect({ main: fromEnv }, { MANAGEMENT_KEY: 'from-env' });
    await connections.remove('main');
    await expect(connect().get('main')).rejects.toMatchObject({ code: 'KEYTURN_CONNECTION_UNKNOWN' });
    await expect(connections.remove('main')).rejects.toEqual(
      refused('KEYTURN_CONNECTION_DECLARED', '/etc/keyturn.yaml'),
    );
  });
});
