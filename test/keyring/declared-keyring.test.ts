import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { payloadCodec } from '../../codec/payload-codec.ts';
import { fault } from '../../errors/keyturn-error.ts';
import { withActive, withKey } from '../../keyring/keyring-changes.ts';
import { type KeyringContent, keyringOfOne, newPlainKey } from '../../keyring/keyring-file.ts';
import { openKeyringFrom, readKeyring } from '../../keyring/keyring-source.ts';
import type { ReadSecret } from '../../secrets/read-reference.ts';
import { seal, unseal } from '../../secrets/seal.ts';
import { Secret } from '../../secrets/secret.ts';

const long = new Date(Date.now() - 3_600_000);
const reference = { source: 'store', store: 'aws', name: 'keyturn/keyring', field: null } as const;

let folder: string;
let file: string;
/** What the secret manager answers. */
let held: () => string;
let looks: number;
const secret: ReadSecret = async (_, unreadable) => {
  looks++;
  const text = held();
  if (text === '') throw unreadable('keyturn/keyring of store "aws" is not there');
  return new Secret(text);
};
const open = (make = false) => openKeyringFrom({ env: {}, declared: { reference, secret }, file, make });
const put = (content: KeyringContent) => {
  held = () => JSON.stringify(content);
  return content;
};

beforeEach(() => {
  vi.useFakeTimers();
  folder = mkdtempSync(join(tmpdir(), 'keyturn-declared-'));
  file = join(folder, 'data', 'keyring.json');
  looks = 0;
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

test('nothing of it is kept on the machine, nor made there', async () => {
  put(keyringOfOne('k1', newPlainKey(), long));
  expect((await open(true)).activeId).toBe('k1');
  expect(await readKeyring({ env: {}, declared: { reference, secret }, file })).toMatchObject({ source: 'store' });
  held = () => '';
  await expect(open(true)).rejects.toMatchObject({
    code: 'KEYTURN_KEYRING_UNREADABLE',
    kind: 'transient',
    message: 'The keyring cannot be had: keyturn/keyring of store "aws" is not there.',
  });
  expect(existsSync(join(folder, 'data'))).toBe(false);
});

test('KEYTURN_KEYRING wins, and the store is not asked', async () => {
  const env = { KEYTURN_KEYRING: JSON.stringify(keyringOfOne('e', newPlainKey(), long)) };
  expect((await openKeyringFrom({ env, declared: { reference, secret }, file, make: true })).activeId).toBe('e');
  expect(looks).toBe(0);
});

test('text that is no keyring is refused, and not shown', async () => {
  const bytes = newPlainKey();
  held = () => JSON.stringify({ version: 1, activeId: 'k', keys: { k: `${bytes}=` } });
  const error = await open().catch((thrown) => thrown);
  expect(error).toMatchObject({
    code: 'KEYTURN_KEYRING_INVALID',
    message: expect.stringContaining('keyturn/keyring of store "aws" is not a keyring'),
  });
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(bytes.slice(0, 16));
});

describe('a change', () => {
  test('is followed within a minute, and what was sealed before still opens', async () => {
    const first = put(keyringOfOne('k1', newPlainKey(), long));
    const keyring = await open();
    const sealed = seal(keyring, new Secret('before'), 'test');
    put(withActive(withKey(first, 'k2', newPlainKey(), long), 'k2', long));
    await vi.advanceTimersByTimeAsync(61_000);
    expect(keyring.activeId).toBe('k2');
    expect(unseal(keyring, sealed, 'test').reveal()).toBe('before');
    expect(unseal(await open(), seal(keyring, new Secret('after'), 'test'), 'test').reveal()).toBe('after');
  });

  test.each([
    ['a store that is down', () => fault('KEYTURN_STORE_UNAVAILABLE', 'aws', '503')],
    ['a right that was taken away', () => fault('KEYTURN_STORE_REFUSED', 'aws', 'keyturn/keyring', 'not allowed')],
    ['no keyring any more', () => '{"version":1}'],
    ['an empty secret', () => ''],
  ])('to %s leaves the keys that are in use, and the next one that is right is followed', async (_, answer) => {
    const first = put(keyringOfOne('k1', newPlainKey(), long));
    const keyring = await open();
    const sealed = seal(keyring, new Secret('kept'), 'test');
    held = () => {
      const answered = answer();
      if (typeof answered !== 'string') throw answered;
      return answered;
    };
    await vi.advanceTimersByTimeAsync(180_000);
    expect(looks).toBeGreaterThan(2);
    expect(keyring.activeId).toBe('k1');
    expect(unseal(keyring, sealed, 'test').reveal()).toBe('kept');
    put(withKey(first, 'k2', newPlainKey(), long));
    await vi.advanceTimersByTimeAsync(61_000);
    expect(keyring.key('k2')).toBeDefined();
  });

  test('is waited for by who misses a key: one look for all of them', async () => {
    const first = put(keyringOfOne('k1', newPlainKey(), long));
    const keyring = await open();
    put(withKey(first, 'k2', newPlainKey(), long));
    const found = Promise.all(Array.from({ length: 50 }, () => keyring.find?.('k2')));
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await found).every((key) => key !== undefined && key === keyring.key('k2'))).toBe(true);
    expect(looks).toBe(2);
  });

  test('that never comes is not waited for again and again, whoever sends what', async () => {
    put(keyringOfOne('k1', newPlainKey(), long));
    const keyring = await open();
    const missing = async (id: string) => {
      const found = keyring.find?.(id);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(await found).toBeUndefined();
    };
    await missing('gone');
    expect(looks).toBe(2);
    for (let n = 0; n < 5; n++) await missing('gone');
    expect(looks).toBe(2);
    // Each of its own name, all at once: a look a second at most.
    const many = Promise.all(Array.from({ length: 500 }, (_, n) => keyring.find?.(`n${n}`)));
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await many).every((key) => key === undefined)).toBe(true);
    expect(looks).toBeLessThan(15);
  });

  test('whose store hangs is waited for a moment, not for ever', async () => {
    put(keyringOfOne('k1', newPlainKey(), long));
    let hangs = false;
    const declared = {
      reference,
      secret: (...asked: Parameters<ReadSecret>) => (hangs ? new Promise<never>(() => {}) : secret(...asked)),
    };
    const keyring = await openKeyringFrom({ env: {}, declared, file, make: false });
    hangs = true;
    const found = keyring.find?.('k2');
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await found).toBeUndefined();
    expect(keyring.activeId).toBe('k1');
  });

  test('reaches a payload that was encrypted by somebody who follows sooner', async () => {
    const first = put(keyringOfOne('k1', newPlainKey(), long));
    const slow = payloadCodec(await open(), 'default');
    put(withActive(withKey(first, 'k2', newPlainKey(), long), 'k2', long));
    const fast = payloadCodec(await open(), 'default');
    const [encrypted] = await fast.encode([{ data: new TextEncoder().encode('new') }]);
    const decoded = slow.decode([encrypted ?? {}]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(new TextDecoder().decode((await decoded)[0]?.data ?? undefined)).toBe('new');
  });
});
