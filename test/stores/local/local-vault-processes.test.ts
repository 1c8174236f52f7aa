import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openKeyring } from '../../../keyring/keyring-source.ts';
import { Secret } from '../../../secrets/secret.ts';
import { openVaultByOwner } from '../by-owner.ts';

const secret = { policy: 'checkout', name: 'checkout' };
let folder: string;
let file: string;
let keyringFile: string;
const children = new Set<ChildProcess>();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-vault-'));
  file = join(folder, 'vault.db');
  keyringFile = join(folder, 'keyring.json');
});
afterEach(async () => {
  await Promise.all([...children].map((child) => ended(child, 'SIGKILL')));
  children.clear();
  rmSync(folder, { recursive: true });
});

function start(action: string, name = secret.name) {
  const fixture = join(import.meta.dirname, 'vault-process.fixture.ts');
  const child = spawn(process.execPath, [fixture, action, file, keyringFile, name], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.add(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return { child, nextLine: async () => String((await lines.next()).value) };
}

async function ended(child: ChildProcess, signal?: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  if (signal) child.kill(signal);
  await once(child, 'exit');
}

test('processes that make the vault and write at the same moment all have their say, and one of them the name', async () => {
  const names = ['a', 'b', 'c'];
  const processes = names.map((name) => start('write', name));
  await Promise.all(processes.map(({ nextLine }) => nextLine()));
  for (const { child } of processes) child.stdin?.write('go\n');
  const shared = await Promise.all(processes.map(({ nextLine }) => nextLine()));
  await Promise.all(processes.map(({ child }) => ended(child)));

  expect(shared.filter((said) => said === 'done')).toHaveLength(1);
  expect(shared.filter((said) => said.includes('KEYTURN_SECRET_OWNED'))).toHaveLength(2);
  const vault = openVaultByOwner({ file, keyring: await openKeyring(keyringFile) });
  const winner = String(names[shared.indexOf('done')]);
  expect(await vault.list()).toMatchObject([
    { name: 'SHARED', policy: winner, version: 1 },
    ...names.map((name) => ({ name, policy: name, version: 10 })),
  ]);
  for (const name of names) {
    const held = await vault.read({ policy: name, name });
    expect(held.kind === 'held' && held.value.reveal()).toBe(`${name} 10`);
  }
  expect(readdirSync(folder).sort()).toEqual(['keyring.json', 'vault.db']);
});

test('a process killed while it writes leaves a whole vault with all it had said', async () => {
  for (const lines of [1, 4, 9]) {
    const { child, nextLine } = start('writeForEver');
    let said = 0;
    for (let line = 0; line < lines; line++) said = Number(await nextLine());
    await ended(child, 'SIGKILL');

    const vault = openVaultByOwner({ file, keyring: await openKeyring(keyringFile) });
    const held = await vault.read(secret);
    const number = held.kind === 'held' ? Number(held.value.reveal().split(' ')[1]) : 0;
    expect(number).toBeGreaterThanOrEqual(said);
    const raw = new DatabaseSync(file, { readOnly: true });
    expect(raw.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    raw.close();
    rmSync(file);
  }
});

test('a write waits for the write of another process, and neither is lost', async () => {
  const vault = openVaultByOwner({ file, keyring: await openKeyring(keyringFile) });
  const { child, nextLine } = start('lock');
  expect(await nextLine()).toBe('locked');
  child.stdin?.write('commit\n');
  await vault.write(secret, new Secret('waited for'), 'r1');
  expect(await nextLine()).toBe('done');
  const held = await vault.read(secret);
  expect(held.kind === 'held' && held.value.reveal()).toBe('waited for');
});

test('a file that stays locked is a fault that passes, and a killed process holds no lock', async () => {
  const vault = openVaultByOwner({ file, keyring: await openKeyring(keyringFile) });
  const { child, nextLine } = start('lock');
  expect(await nextLine()).toBe('locked');
  await expect(vault.write(secret, new Secret('too early'), 'r1')).rejects.toMatchObject({
    code: 'KEYTURN_STORE_UNAVAILABLE',
    kind: 'transient',
    message: expect.stringContaining(`${file} is locked by another process`),
  });
  await ended(child, 'SIGKILL');
  await vault.write(secret, new Secret('after it'), 'r1');
  const held = await vault.read(secret);
  expect(held.kind === 'held' && held.value.reveal()).toBe('after it');
});
