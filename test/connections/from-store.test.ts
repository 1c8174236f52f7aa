import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openConnections } from '../../connections/registry.ts';
import { fault } from '../../errors/keyturn-error.ts';
import { Secret } from '../../secrets/secret.ts';
import { openStores } from '../../stores/open-stores.ts';
import type { Held, Spot, Store } from '../../stores/store.ts';

// The store of a reference, with what it answers in the hands of the test. With real ones: test/production/hostless.spec.ts.

const plaintext = `sk-or-v1-${'5f3c'.repeat(16)}`;
let folder: string;
let asked: Spot[];
let answer: () => Held;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-connections-'));
  asked = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

function keyOf(field: string | null = null) {
  const store: Pick<Store, 'read'> = {
    async read(spot) {
      asked.push(spot);
      return answer();
    },
  };
  const { secret } = openStores({
    declared: new Map(),
    folder,
    env: {},
    local: async () => store as Store,
    time: { now: Date.now, wait: async () => {} },
  });
  const reference = { source: 'store', store: 'local', name: 'openrouter/management', field } as const;
  const declared = { file: '/etc/keyturn.yaml', connections: new Map([['main', reference]]) };
  const keyring = () => expect.unreachable('a declared connection needs no keyring');
  const connections = openConnections({ vaultFile: join(folder, 'data', 'vault.db'), keyring, declared, secret });
  return { connections, get: async () => (await connections.get('main')).managementKey.reveal() };
}

test('read anew each time, one field where one is named, and nothing is made on the machine', async () => {
  const { connections, get } = keyOf('key');
  answer = () => ({ kind: 'held', value: new Secret('first\n'), version: '1' });
  expect(await get()).toBe('first');
  answer = () => ({ kind: 'held', value: new Secret('second'), version: '2' });
  expect(await get()).toBe('second');
  expect(asked).toEqual(Array(2).fill({ name: 'openrouter/management', field: 'key' }));
  expect(await connections.list()).toEqual([
    { name: 'main', source: 'store', store: 'local', baseUrl: expect.any(String), requestsPerSecond: null },
  ]);
  await expect(connections.get('mian')).rejects.toMatchObject({ code: 'KEYTURN_CONNECTION_UNKNOWN' });
  await expect(connections.remove('main')).rejects.toMatchObject({ code: 'KEYTURN_CONNECTION_DECLARED' });
  expect(existsSync(join(folder, 'data'))).toBe(false);
});

const where = 'openrouter/management of store "local"';
test.each<[string, () => Held, string, string]>([
  ['nothing there', () => ({ kind: 'absent' }), 'KEYTURN_CONNECTION_UNREADABLE', `${where} is not there`],
  ['never shown', () => ({ kind: 'unreadable' }), 'KEYTURN_CONNECTION_UNREADABLE', `${where} is never shown`],
  [
    'a whole document, where a field was meant',
    () => ({ kind: 'held', value: new Secret(`{"key":"${plaintext}"}`), version: null }),
    'KEYTURN_CONNECTION_UNREADABLE',
    `${where} holds no key: it is a whole JSON document`,
  ],
  [
    'empty',
    () => ({ kind: 'held', value: new Secret(' '), version: null }),
    'KEYTURN_CONNECTION_UNREADABLE',
    'is empty',
  ],
  [
    'refused',
    () => {
      throw fault('KEYTURN_STORE_REFUSED', 'local', 'openrouter/management', 'GetSecretValue is not allowed');
    },
    'KEYTURN_CONNECTION_UNREADABLE',
    'cannot be had: store "local" cannot be used at openrouter/management: GetSecretValue is not allowed.',
  ],
  [
    'down: tried again, not told to a person',
    () => {
      throw fault('KEYTURN_STORE_UNAVAILABLE', 'local', '503');
    },
    'KEYTURN_STORE_UNAVAILABLE',
    '503',
  ],
])('%s', async (_, answers, code, says) => {
  answer = answers;
  const error = await keyOf()
    .get()
    .catch((thrown) => thrown);
  expect(error).toMatchObject({ code, message: expect.stringContaining(says) });
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('5f3c5f3c');
});
