import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { withActive, withKey, withoutKey } from '../../keyring/keyring-changes.ts';
import { changeKeyringFile, newPlainKey } from '../../keyring/keyring-file.ts';
import { openKeyringFrom, readKeyring } from '../../keyring/keyring-source.ts';
import { seal, unseal } from '../../secrets/seal.ts';
import { Secret } from '../../secrets/secret.ts';

const long = new Date(Date.now() - 3_600_000);
let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-keyring-'));
  file = join(folder, 'keyring.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

const worker = () => openKeyringFrom({ env: {}, file, make: true });
const add = (id: string) => changeKeyringFile(file, (held) => withKey(held, id, newPlainKey(), long));
const activate = (id: string) => changeKeyringFile(file, (held) => withActive(held, id, long));
const retire = (id: string) => changeKeyringFile(file, (held) => withoutKey(held, id, new Date()));

describe('where it comes from', () => {
  test('a client does not make a keyring that no worker has', async () => {
    await expect(openKeyringFrom({ env: {}, file, make: false })).rejects.toMatchObject({
      code: 'KEYTURN_KEYRING_MISSING',
      message: expect.stringContaining(file),
      remedy: expect.stringContaining('KEYTURN_KEYRING'),
    });
    expect(existsSync(file)).toBe(false);
  });

  test('the environment holds what the file would, and the file is then neither read nor made', async () => {
    const sealed = seal(await worker(), new Secret('by a worker with the file'), 'test');
    const env = { KEYTURN_KEYRING: readFileSync(file, 'utf8') };
    const elsewhere = join(folder, 'none', 'keyring.json');
    for (const make of [true, false]) {
      const keyring = await openKeyringFrom({ env, file: elsewhere, make });
      expect(unseal(keyring, sealed, 'test').reveal()).toBe('by a worker with the file');
    }
    expect((await readKeyring({ env, file: elsewhere })).source).toBe('environment');
    expect(existsSync(elsewhere)).toBe(false);
  });

  test('one written by hand needs no dates', async () => {
    const env = { KEYTURN_KEYRING: JSON.stringify({ version: 1, activeId: 'a', keys: { a: newPlainKey() } }) };
    expect((await openKeyringFrom({ env, file, make: false })).activeId).toBe('a');
  });

  test('a broken variable is refused by name and shows none of it', async () => {
    const key = newPlainKey();
    const env = { KEYTURN_KEYRING: `{"version":1,"activeId":"a","keys":{"a":"${key}"` };
    const error = await openKeyringFrom({ env, file, make: true }).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'KEYTURN_KEYRING_INVALID',
      message: expect.stringContaining('KEYTURN_KEYRING is not JSON'),
    });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(key.slice(0, 12));
    expect(existsSync(file)).toBe(false);
  });
});

describe('a process that runs on while the keyring changes', () => {
  test('seals with the newly active key, and opens what another process sealed with a key it never saw', async () => {
    const running = await worker();
    const before = seal(running, new Secret('before'), 'test');
    add('new');
    activate('new');
    const fromAnother = seal(await worker(), new Secret('by another'), 'test');
    expect(fromAnother).toMatch(/^kt1\.new\./);
    expect(unseal(running, fromAnother, 'test').reveal()).toBe('by another');
    await vi.waitFor(() => expect(seal(running, new Secret('x'), 'test')).toMatch(/^kt1\.new\./), 3_000);
    expect(unseal(running, before, 'test').reveal()).toBe('before');
  });

  test('no longer opens with a key that was retired', async () => {
    const running = await worker();
    const first = running.activeId;
    add('new');
    activate('new');
    retire(first);
    await vi.waitFor(() => expect(running.key(first)).toBeUndefined(), 3_000);
    expect(running.activeId).toBe('new');
  });

  test.each([
    ['is broken', () => writeFileSync(file, '{"version":1,')],
    ['lets others in', () => chmodSync(file, 0o644)],
    ['is gone', () => rmSync(file)],
  ])('goes on with what it has when the file %s', async (_what, spoil) => {
    const running = await worker();
    const sealed = seal(running, new Secret('kept'), 'test');
    spoil();
    expect(running.key('unknown')).toBeUndefined(); // which makes it look
    expect(unseal(running, sealed, 'test').reveal()).toBe('kept');
  });
});

describe('changing it', () => {
  const fixture = join(import.meta.dirname, 'add-keys.fixture.ts');
  async function adding(name: string, count: number) {
    const child = spawn(process.execPath, [fixture, file, name, String(count)], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(child, 'close');
    await once(child.stdout, 'data');
    return { child, ended };
  }

  test('processes that add at the same moment all keep their key', async () => {
    await worker();
    const processes = await Promise.all(['a', 'b', 'c'].map((name) => adding(name, 20)));
    for (const { child } of processes) child.stdout.resume();
    for (const { child } of processes) child.stdin.write('go\n');
    await Promise.all(processes.map(({ ended }) => ended));
    expect(Object.keys((await readKeyring({ env: {}, file })).content.keys)).toHaveLength(1 + 3 * 20);
  });

  test('killed at any moment, it leaves a keyring with every key that was said to be there', async () => {
    await worker();
    for (const [n, afterMs] of [0, 1, 2, 3].entries()) {
      const { child, ended } = await adding(`k${n}x`, 100_000);
      let said = '';
      child.stdout.on('data', (chunk) => {
        said += chunk;
      });
      child.stdin.write('go\n');
      await once(child.stdout, 'data');
      await new Promise((done) => setTimeout(done, afterMs));
      child.kill('SIGKILL');
      await ended;
      const { keys } = (await readKeyring({ env: {}, file })).content;
      const whole = said.slice(0, said.lastIndexOf('\n')).split('\n');
      expect(Object.keys(keys)).toEqual(expect.arrayContaining(whole));
    }
    add('after');
    expect(readdirSync(folder).sort()).toEqual(['keyring.json', 'keyring.json.lock']);
  });

  test('leaves its mode, and nothing of a draft that somebody was killed over', async () => {
    await worker();
    writeFileSync(`${file}.next`, 'half a keyr', { mode: 0o644 });
    add('new');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(['keyring.json', 'keyring.json.lock']);
  });

  test('the active key and one that was active a moment ago are not given away', async () => {
    const { activeId: first } = await worker();
    add('new');
    const refusal = (message: RegExp) =>
      expect.objectContaining({ code: 'KEYTURN_KEYRING_KEY_NEEDED', message: expect.stringMatching(message) });
    expect(() => retire(first)).toThrow(refusal(/it is the active key/));
    changeKeyringFile(file, (held) => withActive(held, 'new', new Date()));
    expect(() => retire(first)).toThrow(refusal(/it was active until .* go on for \d+ s/));
    expect(() => retire('nobody')).toThrow(expect.objectContaining({ code: 'KEYTURN_KEYRING_KEY_UNKNOWN' }));
    expect(Object.keys((await readKeyring({ env: {}, file })).content.keys)).toEqual([first, 'new']);
  });

  test('a key that is active again can be retired only as long after that', async () => {
    const { activeId: first } = await worker();
    add('new');
    activate('new');
    activate(first);
    expect((await readKeyring({ env: {}, file })).content.activeUntil).toEqual({ new: long.toISOString() });
  });
});
