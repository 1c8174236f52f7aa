import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from '../../secrets/secret.ts';
import { answer, clientOf, envelope, keyObject, type Script, startScriptedServer } from './scripted-server.ts';

// Not all look like a key: what was sent as one must not come back either.
const planted = {
  management: 'planted-management-key-without-a-prefix',
  created: `sk-or-v1-${'9b2e'.repeat(16)}`,
  echoed: `sk-or-mgmt-${'77aa'.repeat(8)}`,
  inference: 'planted-inference-key-without-a-prefix',
  url: 'planted-in-the-url',
};

const body = JSON.stringify({ data: keyObject(), key: planted.created });
const everywhere = `no ${planted.management}, no ${planted.inference}: ${planted.echoed} Bearer ${planted.created}`;

/** Everything that a logger, a debugger or Temporal could get out of an error. */
const printed = (error: Error) =>
  [
    inspect(error, { showHidden: true, depth: Number.POSITIVE_INFINITY, getters: true }),
    inspect(error, { customInspect: false, showHidden: true, depth: Number.POSITIVE_INFINITY }),
    JSON.stringify(error, Object.getOwnPropertyNames(error)),
    JSON.stringify(error),
    String(error),
    error.stack,
    String(error.cause),
  ].join('\n');

const awkward: Record<string, Script> = {
  'an error that quotes what was sent': (response) => answer(response, 400, envelope(400, everywhere)),
  'an error as a bare string': (response) => answer(response, 422, { error: everywhere }),
  'a 403 that quotes the key': (response) => answer(response, 403, envelope(403, everywhere)),
  'a 401': (response) => answer(response, 401, envelope(401, everywhere)),
  'secrets in headers': (response) =>
    answer(response, 500, {}, { 'x-request-authorization': everywhere, 'retry-after': planted.created }),
  'a redirect with the secret in it': (response) =>
    response.writeHead(302, { location: `/?key=${planted.created}` }).end(),
  'a 201 cut after the secret': (response) => {
    response.writeHead(201, { 'content-length': body.length + 100 });
    response.write(body.slice(0, -1), () => response.socket?.destroy());
  },
  'a 201 that is no JSON': (response) => response.writeHead(201).end(`${planted.created} ${body}`),
  'a 201 without a hash': (response) => answer(response, 201, { key: planted.created, data: {} }),
  'a 500 with the secret': (response) => answer(response, 500, { key: planted.created, ...envelope(500, everywhere) }),
  'a reset': (response) => response.socket?.resetAndDestroy(),
  'bytes that are not HTTP': (response) => response.socket?.end(`${planted.created} ${everywhere}\r\n\r\n`),
};

test.each(Object.entries(awkward))('no error holds a secret: %s', async (_, script) => {
  await using server = await startScriptedServer(script);
  await using client = clientOf(`${server.baseUrl}/${planted.url}`, { managementKey: new Secret(planted.management) });

  const calls = [
    client.createKey({
      name: 'marker-1',
      limit: null,
      limitReset: null,
      includeByokInLimit: false,
      workspace: null,
      expiresAt: null,
    }),
    client.listKeys(null),
    client.getKey('abc'),
    client.patchKey('abc', { disabled: true }),
    client.deleteKey('abc'),
    client.currentKey(new Secret(planted.inference)),
    client.credits(),
    client.workspaces(),
  ];
  const own: Record<number, string> = { 5: planted.inference };
  for (const [n, call] of (await Promise.allSettled(calls)).entries()) {
    if (call.status === 'fulfilled') throw new Error(`call ${n} was not to succeed`);
    const text = printed(call.reason);
    expect(text).toContain('KEYTURN_');
    // A server can only quote the key it was sent; the other one it cannot know.
    for (const secret of [planted.created, planted.echoed, planted.url, own[n] ?? planted.management]) {
      expect(text).not.toContain(secret);
    }
    expect(text).not.toMatch(/sk-or-\w|bearer \S/i);
  }
});

test('the client itself prints no key', async () => {
  await using client = clientOf('http://127.0.0.1:1', { managementKey: new Secret(planted.management) });
  expect(inspect(client, { showHidden: true, depth: Number.POSITIVE_INFINITY })).not.toContain(planted.management);
});

test("OpenRouter's words are quoted on one line, without control characters, and not at length", async () => {
  const message = `name: Too big\n\u001b[2J\u202Eevil ${'x'.repeat(5_000)}`;
  await using server = await startScriptedServer((response) => answer(response, 400, envelope(400, message)));
  await using client = clientOf(server.baseUrl);

  const error = await client.getKey('abc').catch((cause: Error) => cause);
  const text = (error as Error).message;
  expect(text).toContain('OpenRouter refused to read a key (400): name: Too big [2J evil xxx');
  expect(text).not.toMatch(/\p{C}/u);
  expect(text.length).toBeLessThan(400);
});
