import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freshKeyring } from '../../keyring/keyring.ts';
import { openKeyring } from '../../keyring/keyring-source.ts';
import { seal, unseal } from '../../secrets/seal.ts';
import { Secret } from '../../secrets/secret.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-keyring-'));
  file = join(folder, 'data', 'keyring.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('the first use makes a keyring that only its owner may read, and no other file', async () => {
  await openKeyring(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700);
  expect(readdirSync(join(folder, 'data'))).toEqual(['keyring.json']);
});

test('what was sealed before a restart opens after it', async () => {
  const sealed = seal(await openKeyring(file), new Secret('kept'), 'test');
  expect(unseal(await openKeyring(file), sealed, 'test').reveal()).toBe('kept');
});

test('opens that overlap within one process end with one keyring', async () => {
  const opening = [];
  for (let started = 0; started < 50; started++) {
    opening.push(openKeyring(file));
    await nextTurn(); // staggered, so that some read while others still write
  }
  const keyrings = await Promise.all(opening);
  expect(new Set(keyrings.map((keyring) => keyring.activeId)).size).toBe(1);
  expect(readdirSync(join(folder, 'data'))).toEqual(['keyring.json']);
});

test('processes that start at the same moment end with one keyring', async () => {
  const fixture = join(import.meta.dirname, 'open-keyring.fixture.ts');
  const processes = Array.from({ length: 4 }, () => {
    const child = spawn(process.execPath, [fixture, file], { stdio: ['pipe', 'pipe', 'inherit'] });
    return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
  });
  await Promise.all(processes.map(({ lines }) => lines.next()));
  for (const { child } of processes) child.stdin.write('go\n');
  const sealed = await Promise.all(processes.map(async ({ lines }) => String((await lines.next()).value)));
  await Promise.all(processes.map(({ child }) => child.exitCode ?? once(child, 'exit')));

  const keyring = await openKeyring(file);
  for (const value of sealed) expect(unseal(keyring, value, 'test').reveal()).toBe('from another process');
  expect(readdirSync(join(folder, 'data'))).toEqual(['keyring.json']);
});

test.each(['0644', '0640', '0604', '0660', '0620'])('mode %s, which lets others in, is refused', async (mode) => {
  await openKeyring(file);
  chmodSync(file, Number.parseInt(mode, 8));
  await expect(openKeyring(file)).rejects.toMatchObject({
    code: 'KEYTURN_KEYRING_INVALID',
    message: expect.stringMatching(`mode ${mode}.*chmod 600`),
  });
});

test('an old key that is no longer active still opens', async () => {
  const old = await openKeyring(file);
  const sealed = seal(old, new Secret('sealed with the old key'), 'test');
  const held = JSON.parse(readFileSync(file, 'utf8'));
  held.keys.newer = Buffer.alloc(32, 7).toString('base64');
  writeFileSync(file, JSON.stringify({ ...held, activeId: 'newer' }));

  const keyring = await openKeyring(file);
  expect(unseal(keyring, sealed, 'test').reveal()).toBe('sealed with the old key');
  expect(seal(keyring, new Secret('x'), 'test')).toMatch(/^kt1\.newer\./);
});

describe('a broken keyring is refused, says what is wrong and shows none of it', () => {
  const key = Buffer.from('0123456789abcdef0123456789abcdef').toString('base64');
  test.each([
    ['empty', '', 'is not JSON'],
    ['cut', `{"version":1,"activeId":"a","keys":{"a":"${key}`, 'is not JSON'],
    ['a newer version', `{"version":2,"activeId":"a","keys":{"a":"${key}"}}`, 'see version'],
    ['a short key', `{"version":1,"activeId":"a","keys":{"a":"${key.slice(8)}"}}`, 'see keys'],
    ['an id with a dot', `{"version":1,"activeId":"a.b","keys":{"a.b":"${key}"}}`, 'see keys'],
    ['keys the wrong way round', `{"version":1,"activeId":"a","keys":{"${key}":"a"}}`, 'see keys'],
    ['no active key', `{"version":1,"activeId":"b","keys":{"a":"${key}"}}`, 'does not have its own active key'],
    ['active key off the prototype', `{"version":1,"activeId":"toString","keys":{"a":"${key}"}}`, 'own active key'],
    ['an extra field', `{"version":1,"activeId":"a","keys":{"a":"${key}"},"more":1}`, 'is not a keyring'],
  ])('%s', async (_name, text, says) => {
    mkdirSync(join(folder, 'data'));
    writeFileSync(file, text, { mode: 0o600 });
    const error = await openKeyring(file).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'KEYTURN_KEYRING_INVALID', message: expect.stringContaining(says) });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(key.slice(0, 12));
  });
});

test('a folder in its place is refused by name', async () => {
  mkdirSync(file, { recursive: true, mode: 0o700 });
  await expect(openKeyring(file)).rejects.toMatchObject({
    code: 'KEYTURN_KEYRING_INVALID',
    message: expect.stringContaining('EISDIR'),
  });
});

test('a keyring prints no key', async () => {
  const keyring = await openKeyring(file);
  const encoded = String(Object.values(JSON.parse(readFileSync(file, 'utf8')).keys)[0]);
  const printed = [keyring, keyring.key(keyring.activeId)].map((value) => inspect(value, { showHidden: true }));
  printed.push(JSON.stringify(keyring), JSON.stringify(keyring.key(keyring.activeId)));
  for (const text of printed) {
    expect(text).not.toContain(encoded);
    expect(text).not.toContain(Buffer.from(encoded, 'base64').toString('hex').slice(0, 16));
    expect(text).not.toMatch(/<Buffer|Uint8Array/);
  }
});

test('two fresh keyrings do not open each other', () => {
  const sealed = seal(freshKeyring(), new Secret('x'), 'test');
  expect(() => unseal(freshKeyring(), sealed, 'test')).toThrow('which this keyring does not have');
});
