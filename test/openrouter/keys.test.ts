import { expect, test } from 'vitest';
import { createManagementClient } from '../../openrouter/client.ts';
import { Secret } from '../../secrets/secret.ts';
import {
  answer,
  clientOf,
  envelope,
  keyObject,
  managementKey,
  startScriptedServer,
  without,
} from './scripted-server.ts';

const { hash } = keyObject();
const notFound = envelope(404, 'Resource not found');

test('a key is read as facts §2 describes it, absent fields as null', async () => {
  const bare = without(keyObject(), 'expires_at', 'limit', 'limit_remaining', 'limit_reset', 'external_user', 'label');
  await using server = await startScriptedServer((response, _, n) =>
    answer(response, 200, { data: n === 0 ? keyObject({ limit_reset: 'hourly' }) : bare }),
  );
  await using client = clientOf(server.baseUrl);

  expect(await client.getKey(hash)).toEqual({
    hash,
    name: 'checkout-prod',
    label: 'sk-or-v1-7d2...e41',
    disabled: false,
    limit: 50,
    limitRemaining: 50,
    limitReset: 'hourly',
    includeByokInLimit: false,
    usage: 0,
    createdAt: '2026-11-23T09:14:07.512904+00:00',
    expiresAt: '2027-02-21T00:00:00+00:00',
    workspaceId: '0b7f3c52-9a4e-4d18-8c6d-2f1e5a9b7c30',
  });
  expect(await client.getKey(hash)).toMatchObject({ limit: null, limitReset: null, expiresAt: null });
  expect(server.received[0]).toMatchObject({ method: 'GET', path: `/api/v1/keys/${hash}` });
  expect(server.received[0]?.headers.authorization).toBe(`Bearer ${managementKey.reveal()}`);
});

test("OpenRouter's 404 means: no such key", async () => {
  await using server = await startScriptedServer((response) => answer(response, 404, notFound));
  await using client = clientOf(server.baseUrl);

  expect(await client.getKey(hash)).toBeNull();
  expect(await client.deleteKey(hash)).toBe('absent');
  await expect(client.patchKey(hash, { disabled: true })).rejects.toMatchObject({
    code: 'KEYTURN_KEY_GONE',
    kind: 'terminal',
    message: expect.stringContaining(hash),
  });
});

test("somebody else's 404 means nothing: no key is taken for gone because of a proxy's page", async () => {
  await using server = await startScriptedServer((response) => response.writeHead(404).end('<html>Not Found</html>'));
  await using client = clientOf(server.baseUrl);

  const unavailable = { code: 'KEYTURN_OPENROUTER_UNAVAILABLE', kind: 'transient' };
  await expect(client.getKey(hash)).rejects.toMatchObject(unavailable);
  await expect(client.deleteKey(hash)).rejects.toMatchObject(unavailable);
  await expect(client.patchKey(hash, { disabled: true })).rejects.toMatchObject(unavailable);
});

test('a key is deleted when OpenRouter says so, and not on another 200', async () => {
  await using server = await startScriptedServer((response, _, n) =>
    answer(response, 200, n === 0 ? { deleted: true } : { deleted: false }),
  );
  await using client = clientOf(server.baseUrl);

  expect(await client.deleteKey(hash)).toBe('deleted');
  await expect(client.deleteKey(hash)).rejects.toMatchObject({ code: 'KEYTURN_OPENROUTER_UNAVAILABLE' });
});

test('a patch sends what changes and nothing else', async () => {
  await using server = await startScriptedServer((response) =>
    answer(response, 200, { data: keyObject({ disabled: true }) }),
  );
  await using client = clientOf(server.baseUrl);

  expect(await client.patchKey(hash, { disabled: true })).toMatchObject({ disabled: true });
  expect(server.received[0]).toMatchObject({ method: 'PATCH', body: { disabled: true } });
});

test('nothing is sent again by the client itself: when to repeat is for the workflow to say', async () => {
  await using server = await startScriptedServer((response) => response.socket?.destroy());
  await using client = clientOf(server.baseUrl);

  const calls = [
    () => client.getKey(hash),
    () => client.patchKey(hash, { name: 'checkout-prod' }),
    () => client.deleteKey(hash),
    () => client.credits(),
  ];
  for (const call of calls) {
    await expect(call()).rejects.toMatchObject({ code: 'KEYTURN_OPENROUTER_UNAVAILABLE', kind: 'transient' });
  }
  expect(server.received).toHaveLength(calls.length);
});

test.each(['', '.', '..', '../credits', 'a/b', 'a?b', 'a#b', 'a b'])(
  'a hash that would make another path is never sent: %j',
  async (wrong) => {
    await using server = await startScriptedServer((response) => answer(response, 200, { deleted: true }));
    await using client = clientOf(server.baseUrl);

    await expect(client.deleteKey(wrong)).rejects.toMatchObject({ code: 'KEYTURN_INTERNAL' });
    await expect(client.getKey(wrong)).rejects.toMatchObject({ code: 'KEYTURN_INTERNAL' });
    expect(server.received).toEqual([]);
  },
);

test('GET /key asks with the key itself; a 401 does not accept it, and blames no connection', async () => {
  const current = { label: 'x', include_byok_in_limit: true, is_management_key: false };
  await using server = await startScriptedServer((response, _, n) =>
    n === 0 ? answer(response, 200, { data: current }) : answer(response, 401, envelope(401, 'User not found.')),
  );
  await using client = clientOf(server.baseUrl);
  const secret = new Secret(`sk-or-v1-${'e'.repeat(64)}`);

  expect(await client.currentKey(secret)).toEqual({
    label: 'x',
    limit: null,
    limitReset: null,
    includeByokInLimit: true,
    isManagementKey: false,
    expiresAt: null,
    workspaceId: null,
  });
  expect(server.received[0]?.headers.authorization).toBe(`Bearer ${secret.reveal()}`);
  await expect(client.currentKey(secret)).rejects.toMatchObject({
    code: 'KEYTURN_KEY_NOT_ACCEPTED',
    kind: 'transient',
  });
});

test('a key with a line break in it is no key, and is not sent', async () => {
  await using server = await startScriptedServer((response) => answer(response, 200, {}));
  await using client = clientOf(server.baseUrl, { managementKey: new Secret('sk-or-v1-abc\n') });

  await expect(client.credits()).rejects.toMatchObject({ code: 'KEYTURN_CONNECTION_REFUSED' });
  await expect(client.currentKey(new Secret(''))).rejects.toMatchObject({ code: 'KEYTURN_KEY_NOT_ACCEPTED' });
  expect(server.received).toEqual([]);
});

test('every workspace is listed, page after page', async () => {
  const workspace = (n: number) => ({ id: `id-${n}`, name: `Name ${n}`, slug: `slug-${n}`, description: null });
  await using server = await startScriptedServer((response, { query }) => {
    const offset = Number(query.get('offset'));
    answer(response, 200, { data: [0, 1, 2].slice(offset, offset + 2).map(workspace), total_count: 3 });
  });
  await using client = clientOf(server.baseUrl);

  expect(await client.workspaces()).toEqual(
    [0, 1, 2].map((n) => ({ id: `id-${n}`, name: `Name ${n}`, slug: `slug-${n}` })),
  );
});

test('an address that is none is refused without showing it', () => {
  expect(() =>
    createManagementClient({ connection: 'main', baseUrl: 'ftp://me:hunter2@host/', managementKey }),
  ).toThrow(expect.objectContaining({ code: 'KEYTURN_USAGE', message: expect.not.stringContaining('hunter2') }));
});
