import { expect, test } from 'vitest';
import { checkConnection } from '../../openrouter/check-connection.ts';
import { Secret } from '../../secrets/secret.ts';
import { type InjectionRule, startSimulator } from '../../simulator/index.ts';
import { clientOf } from './scripted-server.ts';

const wanted = {
  name: 'marker-1',
  limit: 50,
  limitReset: 'monthly',
  includeByokInLimit: true,
  workspace: null,
  expiresAt: null,
} as const;

async function startWorld() {
  const simulator = await startSimulator();
  const managementKey = new Secret(simulator.managementKey);
  const client = clientOf(simulator.url, { managementKey });
  return {
    client,
    managementKey,
    url: simulator.url,
    control: simulator.control,
    async [Symbol.asyncDispose]() {
      await simulator.close();
      await client.close();
    },
  };
}

test('the life of a key: created, found, tried, renamed, disabled, deleted, gone', async () => {
  await using world = await startWorld();
  const { client, control } = world;
  const { id: workspace } = control.workspaces.add({ name: 'Production' });

  const expiresAt = '2099-02-21T00:00:00Z';
  const { secret, hash } = await client.createKey({ ...wanted, workspace, expiresAt });
  expect(control.whoIs(secret.reveal())).toBe(hash);

  const key = await client.getKey(hash);
  expect(key).toMatchObject({ hash, name: 'marker-1', limit: 50, limitRemaining: 50, limitReset: 'monthly', usage: 0 });
  expect(key).toMatchObject({ disabled: false, includeByokInLimit: true, workspaceId: workspace });
  expect(Date.parse(key?.expiresAt ?? '')).toBe(Date.parse(expiresAt));
  expect(await client.currentKey(secret)).toMatchObject({ limit: 50, isManagementKey: false, workspaceId: workspace });

  expect(await client.listKeys(null)).toEqual([]);
  expect(await client.listKeys(workspace)).toEqual([key]);

  expect(await client.patchKey(hash, { name: 'checkout-prod' })).toMatchObject({ name: 'checkout-prod' });
  expect(await client.patchKey(hash, { disabled: true })).toMatchObject({ name: 'checkout-prod', disabled: true });
  expect(await client.listKeys(workspace)).toMatchObject([{ hash, disabled: true }]);
  await expect(client.currentKey(secret)).rejects.toMatchObject({ code: 'KEYTURN_KEY_NOT_ACCEPTED' });

  expect(await client.deleteKey(hash)).toBe('deleted');
  expect(await client.deleteKey(hash)).toBe('absent');
  expect(await client.getKey(hash)).toBeNull();
  await expect(client.patchKey(hash, { disabled: false })).rejects.toMatchObject({ code: 'KEYTURN_KEY_GONE' });
  expect(await client.listKeys(workspace)).toEqual([]);
});

test('more keys than a page holds are all found, while somebody deletes some and makes others', async () => {
  await using world = await startWorld();
  const { client, control } = world;
  const hashes: string[] = [];
  for (let n = 0; n < 130; n += 1) hashes.push((await client.createKey({ ...wanted, name: `key-${n}` })).hash);
  const page = control.injections.add({ on: 'listKeys', when: 'after', kind: 'slow', ms: 0 });

  const listing = client.listKeys(null);
  await page.reached;
  // The list is newest first: these go from the first page, which is read, and the rows behind them move up.
  for (const hash of hashes.slice(-20)) control.keys.delete(hash);
  await client.createKey({ ...wanted, name: 'made meanwhile' });

  const found = (await listing).map((key) => key.hash).sort();
  expect(found).toEqual(
    control
      .liveKeys()
      .map((key) => key.hash)
      .sort(),
  );
});

const before = { on: 'createKey', when: 'before' } as const;
const after = { on: 'createKey', when: 'after' } as const;

test.each<[string, InjectionRule, string]>([
  ['500 before', { ...before, kind: 'status', status: 500 }, 'KEYTURN_CREATE_AMBIGUOUS'],
  ['500 after', { ...after, kind: 'status', status: 500 }, 'KEYTURN_CREATE_AMBIGUOUS'],
  ['503 after', { ...after, kind: 'status', status: 503, retryAfter: 1 }, 'KEYTURN_CREATE_AMBIGUOUS'],
  ['429 before', { ...before, kind: 'status', status: 429, retryAfter: 2 }, 'KEYTURN_OPENROUTER_RATE_LIMITED'],
  ['400 before', { ...before, kind: 'status', status: 400 }, 'KEYTURN_OPENROUTER_REFUSED'],
  ['reset before', { ...before, kind: 'reset' }, 'KEYTURN_CREATE_AMBIGUOUS'],
  ['reset after', { ...after, kind: 'reset' }, 'KEYTURN_CREATE_AMBIGUOUS'],
  ['hang before', { ...before, kind: 'hang' }, 'KEYTURN_CREATE_AMBIGUOUS'],
  ['hang after', { ...after, kind: 'hang' }, 'KEYTURN_CREATE_AMBIGUOUS'],
  ['late', { ...before, kind: 'late', ms: 0 }, 'KEYTURN_CREATE_AMBIGUOUS'],
  ['truncated', { ...after, kind: 'truncated' }, 'KEYTURN_CREATE_AMBIGUOUS'],
  ['html before', { ...before, kind: 'html' }, 'KEYTURN_CREATE_AMBIGUOUS'],
  ['html after', { ...after, kind: 'html' }, 'KEYTURN_CREATE_AMBIGUOUS'],
  ['invalid json', { ...after, kind: 'invalid-json' }, 'KEYTURN_CREATE_AMBIGUOUS'],
  ['no hash', { ...after, kind: 'no-hash' }, 'KEYTURN_CREATE_AMBIGUOUS'],
  ['slow', { ...after, kind: 'slow', ms: 50 }, 'created'],
])('a create that meets "%s" is one POST, and leaves no key that is not spoken of', async (_, fault, code) => {
  await using world = await startWorld();
  world.control.injections.add(fault);
  await using client = clientOf(world.url, {
    managementKey: world.managementKey,
    timeoutMs: fault.kind === 'hang' ? 300 : 5_000,
  });

  const outcome = await client.createKey(wanted).then(
    () => 'created',
    (error) => error.code,
  );
  expect(outcome).toBe(code);

  const { posts, keys } = world.control.ledger();
  expect(posts).toHaveLength(1);
  if (outcome !== 'created' && outcome !== 'KEYTURN_CREATE_AMBIGUOUS') expect(keys).toEqual([]);
});

test('a key whose answer was lost is found by its marker', async () => {
  await using world = await startWorld();
  world.control.injections.add({ ...after, kind: 'truncated' });
  await expect(world.client.createKey(wanted)).rejects.toMatchObject({ code: 'KEYTURN_CREATE_AMBIGUOUS' });

  const found = (await world.client.listKeys(null)).filter(({ name }) => name === 'marker-1');
  expect(found.map(({ hash }) => hash)).toEqual(world.control.liveKeys().map(({ hash }) => hash));
});

test('an inference key as connection is told what it is', async () => {
  await using world = await startWorld();
  const { secret } = await world.client.createKey(wanted);
  await using client = clientOf(world.url, { managementKey: secret });

  for (const creditsForInferenceKey of ['refused', 'zeros'] as const) {
    world.control.set({ variants: { creditsForInferenceKey } });
    expect(await checkConnection(client, secret)).toEqual({ state: 'not-a-management-key' });
  }
  await expect(client.createKey(wanted)).rejects.toMatchObject({ code: 'KEYTURN_CONNECTION_NOT_MANAGEMENT' });
  world.control.set({ variants: { wrongKind: 401 } });
  await expect(client.createKey(wanted)).rejects.toMatchObject({ code: 'KEYTURN_CONNECTION_REFUSED' });
  expect(world.control.ledger().keys).toHaveLength(1);
});

test('a management key that is revoked, and an outage that looks the same', async () => {
  await using world = await startWorld();
  const { client, control, managementKey } = world;
  control.setCredits(25);
  expect(await checkConnection(client, managementKey)).toMatchObject({ state: 'fine', creditLeft: 25 });
  expect(await checkConnection(client, new Secret(`sk-or-v1-${'0'.repeat(64)}`))).toEqual({ state: 'not-a-key' });

  control.outage.start();
  await expect(client.listKeys(null)).rejects.toMatchObject({
    code: expect.stringMatching(/KEYTURN_(CONNECTION_REFUSED|OPENROUTER_UNAVAILABLE)/),
  });
  control.outage.end();
  expect(await checkConnection(client, managementKey)).toMatchObject({ state: 'fine' });

  control.managementKeys.revoke();
  expect(await checkConnection(client, managementKey)).toEqual({ state: 'not-a-key' });
  await expect(client.createKey(wanted)).rejects.toMatchObject({
    code: 'KEYTURN_CONNECTION_REFUSED',
    kind: 'needs-attention',
  });
});
