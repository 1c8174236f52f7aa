import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keyturnPaths } from '../../config/paths.ts';
import { openKeyring, openKeyringFrom } from '../../keyring/keyring-source.ts';
import { Secret } from '../../secrets/secret.ts';
import { startMoto } from '../keyring/moto.ts';
import { runKeyturn } from '../run-keyturn.ts';
import { openVaultByOwner } from '../stores/by-owner.ts';

let folder: string;
let env: Record<string, string | undefined>;
let file: string;
let vaultFile: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-cli-'));
  env = {
    PATH: process.env.PATH,
    HOME: folder,
    XDG_CACHE_HOME: keyturnPaths(process.env).cacheDir, // compiled once
    // Nothing listens on the discard port.
    TEMPORAL_ADDRESS: '127.0.0.1:9',
  };
  ({ keyringFile: file, vaultFile } = keyturnPaths(env));
});
afterEach(() => rmSync(folder, { recursive: true }));

const keyring = (args: string[], input = '') => runKeyturn({ folder, env }, ['keyring', ...args], input);
const json = async (args: string[], input = '') => {
  const { code, stdout, stderr } = await keyring([...args, '-o', 'json'], input);
  return { code, ...JSON.parse(code === 0 ? stdout : stderr) };
};

test('add makes a key that opens, activate makes it seal and moves the vault, and list tells', async () => {
  const before = await openKeyring(file);
  const { activeId: first } = before;
  const vault = openVaultByOwner({ file: vaultFile, keyring: before });
  await vault.write({ policy: 'p', name: 'P_KEY' }, new Secret('of the application'), 'r1');

  const { id } = await json(['add']);
  const activated = await keyring(['activate', id]);
  expect(activated).toMatchObject({ code: 0, stderr: `Key ${id} is active.\n` });
  expect(activated.stdout).toBe(`Everything in the vault is sealed with ${id}; 2 values were sealed anew.\n`);
  // Again, as after an interruption.
  expect(await json(['activate', id])).toMatchObject({ code: 0, active: true, sealedAnew: 0 });

  const listed = await keyring(['list', '-o', 'json']);
  expect(listed.stderr).toMatch(/Not known: what policies need. Temporal does not answer at 127.0.0.1:9/);
  expect(JSON.parse(listed.stdout)).toEqual([
    expect.objectContaining({
      id: first,
      active: false,
      keptIn: 'file',
      kms: null,
      vaultRows: 0,
      policies: null,
    }),
    expect.objectContaining({ id, active: true, vaultRows: 2, madeAt: expect.stringMatching(/^20.*Z$/) }),
  ]);
  const bytes = JSON.parse(readFileSync(file, 'utf8')).keys[id];
  expect(listed.stdout).not.toContain(bytes.slice(0, 12));
  // What cannot be asked of Temporal is not given away.
  const { keys, ...rest } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...rest, keys, activeUntil: {} }));
  expect(await json(['remove', first])).toMatchObject({ code: 'KEYTURN_TEMPORAL_UNREACHABLE' });
  expect(JSON.parse(readFileSync(file, 'utf8')).keys).toEqual(keys);
});

describe('a keyring in the environment', () => {
  test('is listed, and refuses every change with where to make it', async () => {
    await openKeyring(file);
    const { id } = await json(['add']);
    env = { ...env, KEYTURN_KEYRING: readFileSync(file, 'utf8') };
    const held = JSON.parse(String(env.KEYTURN_KEYRING));
    rmSync(file);
    expect(JSON.parse((await keyring(['list', '-o', 'json'])).stdout)).toContainEqual(
      expect.objectContaining({ id, keptIn: 'environment' }),
    );
    for (const args of [['add'], ['activate', id], ['remove', held.activeId], ['import-recovery', 'x']]) {
      const { code, stderr } = await keyring(args);
      expect(code, args[0]).toBe(4);
      expect(stderr).toMatch(/KEYTURN_KEYRING_READ_ONLY.*secret manager/s);
    }
    expect(existsSync(file)).toBe(false);
  });

  test('another active key in it: activate moves the vault', async () => {
    const before = await openKeyring(file);
    openVaultByOwner({ file: vaultFile, keyring: before });
    const { id } = await json(['add']);
    const content = JSON.parse(readFileSync(file, 'utf8'));
    env = { ...env, KEYTURN_KEYRING: JSON.stringify({ ...content, activeId: id }) };
    expect(await json(['activate', id])).toMatchObject({ code: 0, sealedAnew: 1 });
  });
});

describe('a keyring that keyturn.yaml declares', () => {
  const elsewhere = () => join(folder, 'mounted.json');
  beforeEach(async () => {
    await openKeyring(file);
    // As secret managers mount it.
    renameSync(file, elsewhere());
    chmodSync(elsewhere(), 0o444);
    writeFileSync(join(folder, 'keyturn.yaml'), 'keyring: { file: ./mounted.json }\n');
  });

  test('is listed, exported, and changed only where it is kept', async () => {
    const { activeId: id } = JSON.parse(readFileSync(elsewhere(), 'utf8'));
    const [listed] = JSON.parse((await keyring(['list', '-o', 'json'])).stdout);
    expect(listed).toMatchObject({ id, keptIn: 'file' });
    for (const args of [['add'], ['remove', id], ['import-recovery', 'x']]) {
      const { code, stderr } = await keyring(args);
      expect(code, args[0]).toBe(4);
      expect(stderr.replaceAll(/\s+/g, ' ')).toMatch(
        /KEYTURN_KEYRING_READ_ONLY The keyring comes from file .*mounted.json/,
      );
    }
    expect(await json(['export-recovery', 'copy.json'], 'correct horse battery\n')).toMatchObject({
      code: 0,
      keys: [id],
    });
    expect(existsSync(dirname(file)) && readdirSync(dirname(file))).toEqual([]);
  });

  test('is changed in a folder of its own, and put back: then the vault moves to its other active key', async () => {
    const scratch = join(folder, 'scratch');
    const there = { folder: scratch, env: { ...env, XDG_DATA_HOME: scratch, XDG_CONFIG_HOME: scratch } };
    mkdirSync(join(scratch, 'keyturn'), { recursive: true });
    const copy = join(scratch, 'keyturn', 'keyring.json');
    cpSync(elsewhere(), copy);
    chmodSync(copy, 0o600);
    openVaultByOwner({ file: vaultFile, keyring: await openKeyring(copy) });
    const { id } = JSON.parse((await runKeyturn(there, ['keyring', 'add', '-o', 'json'])).stdout);
    expect(await runKeyturn(there, ['keyring', 'activate', id])).toMatchObject({ code: 0 });
    renameSync(copy, elsewhere());
    expect(await json(['activate', id])).toMatchObject({ code: 0, sealedAnew: 1 });
  });
});

describe('a copy for recovery', () => {
  const passphrase = 'correct horse battery\n';

  test('brings a lost keyring back as it was, for its owner only', async () => {
    await openKeyring(file);
    const { id } = await json(['add']);
    await json(['activate', id]);
    const before = JSON.parse(readFileSync(file, 'utf8'));
    expect(await json(['export-recovery', 'copy.json'], passphrase)).toMatchObject({
      code: 0,
      keys: Object.keys(before.keys),
    });
    expect(statSync(join(folder, 'copy.json')).mode & 0o777).toBe(0o600);
    rmSync(dirname(file), { recursive: true });
    expect(await json(['import-recovery', 'copy.json'], passphrase)).toMatchObject({ code: 0, activeId: id });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(before);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('adds its keys to a keyring that was begun meanwhile', async () => {
    const { activeId: lost } = await openKeyring(file);
    await json(['export-recovery', 'copy.json'], passphrase);
    rmSync(file);
    const { activeId: begun } = await openKeyring(file);
    expect(await json(['import-recovery', 'copy.json'], passphrase)).toMatchObject({ code: 0, activeId: begun });
    expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')).keys).sort()).toEqual([lost, begun].sort());
  });

  test('refuses a short passphrase, a file that is there, and the wrong passphrase', async () => {
    await openKeyring(file);
    expect(await json(['export-recovery', 'copy.json'], 'short\n')).toMatchObject({ code: 'KEYTURN_USAGE' });
    expect(existsSync(join(folder, 'copy.json'))).toBe(false);
    await json(['export-recovery', 'copy.json'], passphrase);
    expect((await keyring(['export-recovery', 'copy.json'], passphrase)).stderr).toMatch(/it is not overwritten/);
    const wrong = await keyring(['import-recovery', 'copy.json'], 'another passphrase\n');
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('KEYTURN_RECOVERY_UNREADABLE') });
    expect(wrong.stderr + wrong.stdout).not.toContain('another passphrase');
  });
});

test('without a keyring everything says so, and makes none; add makes the first, unless a vault has lost its own', async () => {
  for (const args of [['list'], ['activate', 'x'], ['remove', 'x'], ['export-recovery', 'x']]) {
    const { code, stderr } = await keyring(args, 'correct horse battery\n');
    expect(code, args[0]).toBe(1);
    expect(stderr).toContain('KEYTURN_KEYRING_MISSING');
  }
  expect(existsSync(file)).toBe(false);
  const { id, active } = await json(['add']);
  expect(active).toBe(true);
  expect((await openKeyringFrom({ env: {}, file, make: false })).activeId).toBe(id);

  openVaultByOwner({ file: vaultFile, keyring: await openKeyring(file) });
  rmSync(file);
  expect(await json(['add'])).toMatchObject({ code: 'KEYTURN_KEYRING_MISSING' });
});

test('an unknown key is 3, and a keyring that others may read is refused', async () => {
  const { activeId } = await openKeyring(file);
  expect(await keyring(['activate', 'nobody'])).toMatchObject({ code: 3, stderr: expect.stringContaining(activeId) });
  expect((await keyring(['remove', 'nobody'])).code).toBe(3);
  expect((await keyring(['remove', activeId])).code).toBe(4);
  chmodSync(file, 0o644);
  expect((await keyring(['add'])).stderr).toMatch(/mode 0644.*chmod 600/);
});

test('add --kms keeps the key wrapped, and it seals once active', async ({ skip }) => {
  const moto = await startMoto();
  if ('unavailable' in moto) return skip(moto.unavailable);
  try {
    const { AWS_ENDPOINT_URL_KMS: endpoint = '', AWS_REGION: region = '' } = moto.env;
    const kms = new KMSClient({
      endpoint,
      region,
      credentials: { accessKeyId: 'for-moto', secretAccessKey: 'for-moto' },
    });
    const arn = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn;
    kms.destroy();
    env = { ...env, ...moto.env };
    openVaultByOwner({ file: vaultFile, keyring: await openKeyring(file) });
    const added = await json(['add', '--kms', String(arn)]);
    expect(added).toMatchObject({ code: 0, kms: arn });
    expect(JSON.parse(readFileSync(file, 'utf8')).keys[added.id]).toEqual({ kms: arn, wrapped: expect.any(String) });
    // Waits until every worker may have unwrapped it.
    const { code, stderr, stdout } = await keyring(['activate', added.id]);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `Waiting until every running worker has unwrapped the new key …\nKey ${added.id} is active.\n`,
    });
    expect(stdout).toMatch(/1 values were sealed anew/);
    expect((await keyring(['list'])).stdout).toMatch(new RegExp(`${added.id} +active +file, KMS key/`));
  } finally {
    await moto.close();
  }
}, 300_000);

test.each(['list', 'add', 'activate', 'remove', 'export-recovery', 'import-recovery'])(
  'keyring %s --help has an example and is in docs/cli.md',
  async (command) => {
    const { code, stdout } = await keyring([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\n.*keyturn keyring ${command}`));
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
    expect(page).toContain(`keyturn keyring ${command}`);
  },
);
