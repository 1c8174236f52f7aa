import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type LogLine, startSimulator } from '../../simulator/index.ts';
import { account, client } from './account-under-test.ts';

const anySecret = /sk-or-v1-[0-9a-f]{64}/;

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'simulator-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('the ledger', () => {
  test('accounts for every key ever made and every POST ever sent', async () => {
    const { create, manage, call, control } = await account();
    const first = await create({ name: 'marker-1' });
    await manage('POST', '/keys', { name: '' });
    await call('POST', '/keys', first.secret, { name: 'wrong kind' });
    control.injections.add({ on: 'createKey', when: 'after', kind: 'reset' });
    await expect(manage('POST', '/keys', { name: 'marker-2' })).rejects.toThrow();
    control.injections.add({ on: 'createKey', when: 'before', kind: 'reset' });
    await expect(manage('POST', '/keys', { name: 'marker-3' })).rejects.toThrow();
    await manage('PATCH', `/keys/${first.hash}`, { name: 'checkout' });

    const { keys, posts } = control.ledger();
    expect(
      posts.map(({ number, name, outcome, answer, injection }) => [number, name, outcome, answer, injection]),
    ).toEqual([
      [1, 'marker-1', 'created', 'delivered', null],
      [2, '', 'refused', 'delivered', null],
      [3, 'wrong kind', 'refused', 'delivered', null],
      [4, 'marker-2', 'created', 'lost', 'reset after'],
      [5, 'marker-3', 'dropped', 'lost', 'reset before'],
    ]);
    expect(keys).toMatchObject([
      { hash: first.hash, post: 1, delivered: true, state: 'live', name: 'checkout' },
      { hash: posts[3]?.hash, post: 4, delivered: false, state: 'live', name: 'marker-2' },
    ]);
    expect(keys[0]?.names.map(({ name }) => name)).toEqual(['marker-1', 'checkout']);
  });

  test('tells live, disabled, deleted and expired apart', async () => {
    const { create, control } = await account();
    const [live, disabled, deleted] = [await create(), await create(), await create()];
    await create({ expires_at: '2020-01-01T00:00:00Z' });
    control.keys.disable(disabled.hash);
    control.keys.delete(deleted.hash);
    const { keys } = control.ledger();
    expect(keys.map(({ state }) => state)).toEqual(['live', 'disabled', 'deleted', 'expired']);
    expect([keys[1]?.disabledAt, keys[2]?.deletedAt]).toEqual([expect.any(String), expect.any(String)]);
    expect(control.liveKeys()).toMatchObject([{ hash: live.hash }]);
  });

  test('says whose a secret is without ever holding one', async () => {
    const { create, simulator, control } = await account();
    const { hash, secret } = await create();
    control.keys.delete(hash);
    expect(control.whoIs(secret)).toBe(hash);
    expect(control.whoIs(simulator.managementKey)).toBeNull();
    expect(JSON.stringify(control.ledger())).not.toMatch(anySecret);
  });
});

describe('behind our back', () => {
  test('a revoked management key is 401 like any other, and another one can take over', async () => {
    const { manage, call, control } = await account();
    const [{ id } = { id: '' }] = control.managementKeys.list();
    control.managementKeys.revoke(id);
    expect((await manage('GET', '/keys')).status).toBe(401);
    const { managementKey } = control.managementKeys.add();
    expect((await call('GET', '/keys', managementKey)).status).toBe(200);
    expect((await manage('GET', '/keys')).status).toBe(401);
  });

  test('a known management key is accepted from the start, anything else is refused at once', async () => {
    const managementKey = `sk-or-v1-${'a'.repeat(64)}`;
    const { manage } = await account({ managementKey });
    expect((await manage('GET', '/keys')).status).toBe(200);
    await expect(startSimulator({ managementKey: 'password' })).rejects.toThrow(/64 hex/);
  });
});

describe('the control endpoint', () => {
  test('does over HTTP what the functions do in process', async () => {
    const { create, works, manage, control, controlCall } = await account();
    const { hash, secret } = await create();
    await controlCall('POST', `/keys/${hash}/disable`);
    expect(await works(secret)).toBe(401);
    await controlCall('POST', `/keys/${hash}/enable`);
    expect(await works(secret)).toBe(200);
    await controlCall('POST', `/keys/${hash}/spend`, { credits: 2 });
    await controlCall('PUT', '/credits', { bought: 20 });
    expect((await manage('GET', '/credits')).json.data).toEqual({ total_credits: 20, total_usage: 2 });
    await controlCall('DELETE', `/keys/${hash}`);
    expect((await controlCall('GET', '/ledger')).json).toEqual(control.ledger());
    expect((await controlCall('GET', '/ledger/live')).json).toEqual({ keys: [] });

    await controlCall('POST', '/clock', { at: '2030-01-01T00:00:00Z', frozen: true });
    expect((await controlCall('POST', '/clock', { advanceMs: 1000 })).json).toEqual({
      now: '2030-01-01T00:00:01.000Z',
    });
    await controlCall('PATCH', '/settings', { propagation: { newKeyMs: 9 } });
    expect((await controlCall('GET', '/settings')).json).toEqual(control.settings());
    expect(control.settings().propagation).toEqual({ newKeyMs: 9, oldKeyMs: 0, edges: 1 });
    const { id } = (await controlCall('POST', '/workspaces', { name: 'Staging' })).json;
    expect((await controlCall('GET', '/workspaces')).json.workspaces[1].id).toBe(id);

    await controlCall('POST', '/outage', {});
    expect((await manage('GET', '/keys')).status).toBe(401);
    await controlCall('DELETE', '/outage');
    expect((await manage('GET', '/keys')).status).toBe(200);
    await controlCall('DELETE', '/management-keys');
    expect((await manage('GET', '/keys')).status).toBe(401);
    expect((await controlCall('POST', '/management-keys')).json.managementKey).toMatch(anySecret);
  });

  test('another process can wait for a request to hang, and let it go', async () => {
    const { manage, controlCall } = await account();
    const { id } = (await controlCall('POST', '/injections', { on: 'createKey', when: 'after', kind: 'hang' })).json;
    const reached = controlCall('GET', `/injections/${id}/reached`);
    const answer = manage('POST', '/keys', { name: 'a' });
    expect((await reached).json).toMatchObject({ id, hits: 1, held: 1 });
    expect((await controlCall('GET', '/injections')).json.injections).toMatchObject([{ id, held: 1, spent: true }]);
    expect((await controlCall('POST', `/injections/${id}/release`)).json).toEqual({ released: 1 });
    expect((await answer).status).toBe(201);
    await controlCall('DELETE', `/injections/${id}`);
    expect((await controlCall('GET', `/injections/${id}`)).status).toBe(404);
  });

  test('a wait for an injection that nothing hits ends with 408', async () => {
    const { controlCall } = await account();
    const { id } = (await controlCall('POST', '/injections', { on: 'chat', when: 'before', kind: 'reset' })).json;
    expect((await controlCall('GET', `/injections/${id}/reached?timeoutMs=20`)).status).toBe(408);
  });

  test.each([
    ['PATCH', '/settings', { propagation: { newKeysMs: 9 } }],
    ['PATCH', '/settings', { variants: { keyCap: 500 } }],
    ['POST', '/clock', { at: 'tomorrow' }],
    ['POST', '/outage', { ms: -1 }],
    ['POST', '/workspaces', {}],
    ['POST', '/injections', '{'],
  ] as const)('refuses %s %s %j with 400', async (method, path, body) => {
    const { controlCall } = await account();
    expect((await controlCall(method, path, body)).status).toBe(400);
  });
});

describe('the state file', () => {
  test('keys, ledger, management key and clock survive a restart', async () => {
    const stateFile = join(await folder(), 'openrouter.json');
    const managementKey = `sk-or-v1-${'b'.repeat(64)}`;
    const before = await startSimulator({ stateFile, managementKey });
    const used = client(before);
    const { hash, secret } = await used.create({ limit: 5 });
    await used.chat(secret);
    const deleted = await used.create();
    await used.manage('DELETE', `/keys/${deleted.hash}`);
    before.control.clock.advance(86_400_000);
    await before.close();
    const ledger = before.control.ledger();

    const after = await startSimulator({ stateFile });
    onTestFinished(() => after.close());
    expect(after.control.ledger()).toEqual(ledger);
    expect(after.control.clock.now()).toBeGreaterThan(Date.now() + 86_000_000);
    expect(after.managementKey).not.toBe(managementKey);
    const again = client(after);
    expect((await again.call('GET', `/keys/${hash}`, managementKey)).json.data.usage).toBe(0.0000024);
    expect([await again.works(secret), await again.works(deleted.secret)]).toEqual([200, 401]);
  });

  test('a revoked management key stays revoked', async () => {
    const stateFile = join(await folder(), 'openrouter.json');
    const before = await startSimulator({ stateFile });
    before.control.managementKeys.revoke();
    await before.close();
    const { managementKey } = before;
    const after = await startSimulator({ stateFile, managementKey });
    onTestFinished(() => after.close());
    expect((await client(after).manage('GET', '/keys')).status).toBe(401);
  });

  test('a change is on disk before its answer arrives, whole, for the owner only, and without a secret', async () => {
    const path = await folder();
    const stateFile = join(path, 'openrouter.json');
    const { create, simulator } = await account({ stateFile });
    const { hash, secret } = await create();
    const text = await readFile(stateFile, 'utf8');
    expect(JSON.parse(text).account.keys).toMatchObject([{ hash }]);
    expect(text).not.toContain('sk-or-v1-');
    expect(text).not.toContain(secret.slice(9));
    expect(text).not.toContain(simulator.managementKey.slice(9));
    expect((await stat(stateFile)).mode & 0o777).toBe(0o600);
    expect(await readdir(path)).toEqual(['openrouter.json']);
  });

  test('a disk that refuses to write is a 500, and the simulator lives on', async () => {
    const path = await folder();
    const { manage, control } = await account({ stateFile: join(path, 'openrouter.json') });
    await rm(path, { recursive: true });
    expect((await manage('POST', '/keys', { name: 'a' })).status).toBe(500);
    expect((await manage('GET', '/keys')).json.data).toMatchObject([{ name: 'a' }]);
    expect(control.ledger().posts).toMatchObject([{ outcome: 'created' }]);
    await mkdir(path);
  });

  test.each(['', '{"account":', '{"hello":1}'])(
    'a damaged or foreign file (%j) is named, not overwritten',
    async (text) => {
      const stateFile = join(await folder(), 'openrouter.json');
      await writeFile(stateFile, text);
      await expect(startSimulator({ stateFile })).rejects.toThrow(stateFile);
      expect(await readFile(stateFile, 'utf8')).toBe(text);
    },
  );
});

describe('the access log', () => {
  test('says what was asked, what was answered and what went wrong, and holds no secret', async () => {
    const lines: LogLine[] = [];
    const { create, call, manage, control } = await account({ log: (line) => lines.push(line) });
    const { secret } = await create();
    await call('GET', '/key', secret);
    await manage('GET', `/keys/${secret}`);
    control.injections.add({ on: 'createKey', when: 'after', kind: 'reset' });
    await expect(manage('POST', '/keys', { name: 'a' })).rejects.toThrow();
    await manage('GET', '/models');
    expect(
      lines.map(({ method, path, operation, status, injection }) => [method, path, operation, status, injection]),
    ).toEqual([
      ['POST', '/api/v1/keys', 'createKey', 201, null],
      ['GET', '/api/v1/key', 'currentKey', 200, null],
      ['GET', '/api/v1/keys/[redacted]', 'getKey', 404, null],
      ['POST', '/api/v1/keys', 'createKey', null, 'reset after'],
      ['GET', '/api/v1/models', null, 404, null],
    ]);
    expect(JSON.stringify(lines)).not.toMatch(anySecret);
  });
});
