import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import type { Operation } from '../../simulator/index.ts';
import { account, error } from './account-under-test.ts';

const requests: Record<Operation, ['GET' | 'POST' | 'PATCH' | 'DELETE', string, unknown?]> = {
  createKey: ['POST', '/keys', { name: 'new' }],
  listKeys: ['GET', '/keys'],
  getKey: ['GET', '/keys/:hash'],
  patchKey: ['PATCH', '/keys/:hash', { name: 'renamed' }],
  deleteKey: ['DELETE', '/keys/:hash'],
  currentKey: ['GET', '/key'],
  credits: ['GET', '/credits'],
  workspaces: ['GET', '/workspaces'],
  chat: ['POST', '/chat/completions', { model: 'm', messages: [{ role: 'user', content: 'ping' }] }],
};

/** One key, and each operation on it as its rightful caller sends it. */
async function oneKey() {
  const parts = await account();
  const key = await parts.create({ name: 'first' });
  const perform = (operation: Operation) => {
    const [method, path, body] = requests[operation];
    const secret = operation === 'chat' ? key.secret : parts.simulator.managementKey;
    return parts.call(method, path.replace(':hash', key.hash), secret, body);
  };
  return { ...parts, key, perform };
}

describe('every operation can fail before and after it took effect', () => {
  test.each(Object.keys(requests) as Operation[])('%s', async (operation) => {
    const { perform, control } = await oneKey();
    const { injections } = control;
    injections.add({ on: operation, when: 'before', kind: 'status', status: 503 });
    injections.add({ on: operation, when: 'before', kind: 'reset' });
    const untouched = JSON.stringify(control.ledger().keys);
    expect((await perform(operation)).status).toBe(503);
    await expect(perform(operation)).rejects.toMatchObject({
      code: expect.stringMatching(/ECONNRESET|UND_ERR_SOCKET/),
    });
    expect(JSON.stringify(control.ledger().keys)).toBe(untouched);

    injections.add({ on: operation, when: 'after', kind: 'status', status: 502 });
    expect((await perform(operation)).status).toBe(502);
    const changes = operation === 'createKey' || operation === 'patchKey' || operation === 'deleteKey';
    expect(JSON.stringify(control.ledger().keys) !== untouched).toBe(changes);
    expect(injections.list().map(({ hits, spent }) => [hits, spent])).toEqual([
      [1, true],
      [1, true],
      [1, true],
    ]);
  });
});

describe('the answer to POST /keys', () => {
  test('500, 502, 503 and 504 after the commit leave a key that nobody was told of', async () => {
    const { manage, control } = await account();
    for (const status of [500, 502, 503, 504]) {
      control.injections.add({ on: 'createKey', when: 'after', kind: 'status', status });
      expect((await manage('POST', '/keys', { name: `k${status}` })).status).toBe(status);
    }
    expect(control.liveKeys().map(({ name, delivered }) => [name, delivered])).toEqual([
      ['k500', false],
      ['k502', false],
      ['k503', false],
      ['k504', false],
    ]);
  });

  test('429 comes with and without Retry-After', async () => {
    const { manage, control } = await account();
    control.injections.add({ on: 'createKey', when: 'before', kind: 'status', status: 429, retryAfter: 7 });
    control.injections.add({ on: 'createKey', when: 'before', kind: 'status', status: 429 });
    const first = await manage('POST', '/keys', { name: 'a' });
    expect([first.status, first.headers['retry-after']]).toEqual([429, '7']);
    const second = await manage('POST', '/keys', { name: 'a' });
    expect([second.status, second.headers['retry-after'], second.json]).toEqual([
      429,
      undefined,
      error(429, 'Rate limit exceeded'),
    ]);
    expect(control.ledger().keys).toEqual([]);
  });

  test('truncated: the status is 201, the body breaks off, the key exists', async () => {
    const { manage, control } = await account();
    control.injections.add({ on: 'createKey', when: 'after', kind: 'truncated' });
    await expect(manage('POST', '/keys', { name: 'a' })).rejects.toThrow();
    await vi.waitFor(() => expect(control.ledger().posts).toMatchObject([{ outcome: 'created', answer: 'lost' }]));
    expect(control.liveKeys()).toHaveLength(1);
  });

  test('html: a page of the edge with the status of the true answer', async () => {
    const { manage, control } = await account();
    control.injections.add({ on: 'createKey', when: 'after', kind: 'html' });
    const { status, headers, text } = await manage('POST', '/keys', { name: 'a' });
    expect([status, headers['content-type']]).toEqual([201, 'text/html; charset=UTF-8']);
    expect(text).toMatch(/^<!DOCTYPE html>/);
    expect(control.liveKeys()).toMatchObject([{ delivered: false }]);
  });

  test('invalid JSON under a JSON content type', async () => {
    const { manage, control } = await account();
    control.injections.add({ on: 'createKey', when: 'after', kind: 'invalid-json' });
    const { status, headers, json } = await manage('POST', '/keys', { name: 'a' });
    expect([status, headers['content-type'], json]).toEqual([201, 'application/json; charset=utf-8', undefined]);
  });

  test('201 without data.hash still holds the secret', async () => {
    const { manage, works, control } = await account();
    control.injections.add({ on: 'createKey', when: 'after', kind: 'no-hash' });
    const { status, json } = await manage('POST', '/keys', { name: 'a' });
    expect(status).toBe(201);
    expect(json.data).not.toHaveProperty('hash');
    expect(await works(json.key)).toBe(200);
  });

  test('slow: the true 201 after a while', async () => {
    const { manage, control } = await account();
    control.injections.add({ on: 'createKey', when: 'after', kind: 'slow', ms: 40 });
    const startMs = performance.now();
    expect((await manage('POST', '/keys', { name: 'a' })).status).toBe(201);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(35);
  });

  test('late: the caller sees a reset and no key, and then there is one', async () => {
    const { manage, control } = await account();
    const late = control.injections.add({ on: 'createKey', when: 'before', kind: 'late' });
    await expect(manage('POST', '/keys', { name: 'a' })).rejects.toThrow();
    await late.reached;
    expect(control.ledger()).toMatchObject({ keys: [], posts: [{ outcome: 'pending', answer: 'lost' }] });
    expect(late.release()).toBe(1);
    await vi.waitFor(() => expect(control.liveKeys()).toMatchObject([{ name: 'a', delivered: false }]));
    expect(control.ledger().posts).toMatchObject([{ outcome: 'created', answer: 'lost', injection: 'late before' }]);
  });

  test('late by time commits by itself', async () => {
    const { manage, control } = await account();
    control.injections.add({ on: 'createKey', when: 'before', kind: 'late', ms: 30 });
    await expect(manage('POST', '/keys', { name: 'a' })).rejects.toThrow();
    expect(control.liveKeys()).toEqual([]);
    await vi.waitFor(() => expect(control.liveKeys()).toHaveLength(1));
  });
});

describe('hang', () => {
  test('before: nothing has happened until it is released, then all of it', async () => {
    const { manage, control } = await account();
    const hang = control.injections.add({ on: 'createKey', when: 'before', kind: 'hang' });
    const answer = manage('POST', '/keys', { name: 'a' });
    await hang.reached;
    expect(hang.status()).toMatchObject({ hits: 1, held: 1 });
    expect(control.ledger()).toMatchObject({ keys: [], posts: [{ outcome: 'pending', answer: 'pending' }] });
    hang.release();
    expect((await answer).status).toBe(201);
    expect(hang.status().held).toBe(0);
  });

  test('before: a caller that gives up is not served afterwards', async () => {
    const { simulator, control } = await account();
    const hang = control.injections.add({ on: 'createKey', when: 'before', kind: 'hang' });
    await dropped(simulator.url, simulator.managementKey, hang.reached);
    await vi.waitFor(() => expect(hang.status().held).toBe(0));
    hang.release();
    expect(control.ledger()).toMatchObject({ keys: [], posts: [{ outcome: 'dropped', answer: 'lost' }] });
  });

  test('after: the key exists while the caller waits, and stays when it gives up', async () => {
    const { simulator, control } = await account();
    const hang = control.injections.add({ on: 'createKey', when: 'after', kind: 'hang' });
    await dropped(simulator.url, simulator.managementKey, hang.reached);
    await vi.waitFor(() => expect(control.ledger().posts).toMatchObject([{ outcome: 'created', answer: 'lost' }]));
    expect(control.liveKeys()).toMatchObject([{ name: 'dropped', delivered: false }]);
  });

  test('slow: the request takes effect although its caller left, and holds nothing afterwards', async () => {
    const { simulator, control } = await account();
    const slow = control.injections.add({ on: 'createKey', when: 'before', kind: 'slow', ms: 30 });
    const hang = control.injections.add({ on: 'createKey', when: 'after', kind: 'hang' });
    await dropped(simulator.url, simulator.managementKey, slow.reached);
    await hang.reached;
    await vi.waitFor(() => expect(hang.status().held).toBe(0));
    expect(control.liveKeys()).toMatchObject([{ delivered: false }]);
  });

  test('closing the simulator ends hanging, slow and late requests at once', async () => {
    const { simulator, manage, control } = await account();
    control.injections.add({ on: 'createKey', when: 'before', kind: 'hang' });
    control.injections.add({ on: 'createKey', when: 'before', kind: 'slow', ms: 60_000 });
    control.injections.add({ on: 'createKey', when: 'before', kind: 'late', ms: 60_000 });
    const answers = Promise.allSettled([1, 2, 3].map((n) => manage('POST', '/keys', { name: `k${n}` })));
    await vi.waitFor(() => expect(control.ledger().posts).toHaveLength(3));
    await simulator.close();
    expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await delay(0);
    expect(control.ledger()).toMatchObject({ keys: [], posts: Array(3).fill({ outcome: 'dropped', answer: 'lost' }) });
  });
});

describe('rules', () => {
  test('skip lets requests pass, times says how many are hit, the first rule wins', async () => {
    const { manage, control } = await account();
    control.injections.add({ on: 'listKeys', when: 'before', kind: 'status', status: 503, skip: 1, times: 2 });
    control.injections.add({ on: 'any', when: 'before', kind: 'status', status: 500, times: 'forever' });
    const statuses = async (count: number) => {
      const seen = [];
      for (let n = 0; n < count; n++) seen.push((await manage('GET', '/keys')).status);
      return seen;
    };
    expect(await statuses(4)).toEqual([500, 503, 503, 500]);
    control.injections.clear();
    expect(await statuses(1)).toEqual([200]);
  });

  test('"after" waits for a request that succeeds', async () => {
    const { manage, control } = await account();
    const injection = control.injections.add({ on: 'createKey', when: 'after', kind: 'status', status: 500 });
    expect((await manage('POST', '/keys', { name: '' })).status).toBe(400);
    expect(injection.status().hits).toBe(0);
    expect((await manage('POST', '/keys', { name: 'a' })).status).toBe(500);
  });

  test('"after" is not used up by a late request, which has no answer to spoil', async () => {
    const { manage, control } = await account();
    control.injections.add({ on: 'createKey', when: 'before', kind: 'late', ms: 0 });
    const after = control.injections.add({ on: 'createKey', when: 'after', kind: 'status', status: 500 });
    await expect(manage('POST', '/keys', { name: 'late' })).rejects.toThrow();
    await vi.waitFor(() => expect(control.liveKeys()).toHaveLength(1));
    expect(after.status().hits).toBe(0);
  });

  test.each([
    [{ on: 'createKey', when: 'before', kind: 'truncated' }, /only be after/],
    [{ on: 'createKey', when: 'before', kind: 'no-hash' }, /only be after/],
    [{ on: 'createKey', when: 'after', kind: 'late' }, /only be before/],
    [{ on: 'nothing', when: 'before', kind: 'reset' }, /on/],
    [{ on: 'chat', when: 'before', kind: 'status', status: 200 }, /status/],
    [{ on: 'chat', when: 'before', kind: 'reset', time: 3 }, /time/],
  ])('a rule that makes no sense is refused: %j', async (rule, message) => {
    const { control, controlCall } = await account();
    expect(() => control.injections.add(rule as never)).toThrow(message);
    const { status, json } = await controlCall('POST', '/injections', rule);
    expect(status).toBe(400);
    expect(json.error.message).toMatch(message);
  });
});

describe('a key is not the same everywhere at once', () => {
  test('a new key is not accepted until its news has arrived', async () => {
    const { create, works, chat, control } = await account();
    control.clock.freeze();
    control.set({ propagation: { newKeyMs: 5000 } });
    const { secret } = await create();
    expect([await works(secret), (await chat(secret)).status]).toEqual([401, 401]);
    control.clock.advance(4999);
    expect(await works(secret)).toBe(401);
    control.clock.advance(1);
    expect([await works(secret), (await chat(secret)).status]).toEqual([200, 200]);
  });

  test('a disabled or deleted key goes on working for a while', async () => {
    const { create, works, control } = await account();
    control.clock.freeze();
    control.set({ propagation: { oldKeyMs: 5000 } });
    const [disabled, deleted] = [await create(), await create()];
    control.keys.disable(disabled.hash);
    control.keys.delete(deleted.hash);
    expect(control.liveKeys()).toEqual([]);
    expect([await works(disabled.secret), await works(deleted.secret)]).toEqual([200, 200]);
    control.clock.advance(5000);
    expect([await works(disabled.secret), await works(deleted.secret)]).toEqual([401, 401]);
  });

  test('edges flap: until all have heard, answers alternate', async () => {
    const { create, works, control } = await account();
    control.clock.freeze();
    control.set({ propagation: { newKeyMs: 5000, oldKeyMs: 5000, edges: 2 } });
    const { hash, secret } = await create();
    const answers = async () => [await works(secret), await works(secret), await works(secret), await works(secret)];
    expect(await answers()).toEqual([200, 401, 200, 401]);
    control.clock.advance(5000);
    expect(await answers()).toEqual([200, 200, 200, 200]);
    control.keys.disable(hash);
    expect(await answers()).toEqual([401, 200, 401, 200]);
    control.clock.advance(5000);
    expect(await answers()).toEqual([401, 401, 401, 401]);
  });

  test('a key disabled before it was known anywhere never works', async () => {
    const { create, works, control } = await account();
    control.clock.freeze();
    control.set({ propagation: { newKeyMs: 5000 } });
    const { hash, secret } = await create();
    control.keys.disable(hash);
    control.clock.advance(10_000);
    expect(await works(secret)).toBe(401);
  });
});

describe('outage', () => {
  test('every credential is "User not found." and some answers are 500, for a time', async () => {
    const { create, manage, works, control } = await account();
    control.clock.freeze();
    const { secret } = await create();
    control.outage.start({ ms: 60_000, errorEvery: 3 });
    const seen = [await works(secret), (await manage('GET', '/keys')).status, await works(secret), await works(secret)];
    expect(seen).toEqual([401, 401, 500, 401]);
    expect((await manage('GET', '/keys')).json).toEqual(error(401, 'User not found.'));
    control.clock.advance(60_000);
    expect([await works(secret), (await manage('GET', '/keys')).status]).toEqual([200, 200]);
  });

  test('without a length it lasts until it is ended', async () => {
    const { create, works, control } = await account();
    const { secret } = await create();
    control.outage.start({ errorEvery: 0 });
    control.clock.advance(365 * 86_400_000);
    expect(await works(secret)).toBe(401);
    control.outage.end();
    expect(await works(secret)).toBe(200);
  });
});

/** Sends a POST /keys over a bare socket and hangs up once the injection has it: what a killed process looks like. */
async function dropped(url: string, managementKey: string, reached: Promise<void>): Promise<void> {
  const body = '{"name":"dropped"}';
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST /api/v1/keys HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${managementKey}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await reached;
  socket.destroy();
}
