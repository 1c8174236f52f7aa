import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Agent } from 'undici';
import { describe, expect, test } from 'vitest';
import { answer, clientOf, envelope, keyObject, type Script, startScriptedServer, without } from './scripted-server.ts';

const wanted = {
  name: 'marker-1',
  limit: 50,
  limitReset: 'monthly',
  includeByokInLimit: false,
  workspace: null,
  expiresAt: null,
} as const;

const key = `sk-or-v1-${'9b2e'.repeat(16)}`;
const credits = JSON.stringify({ data: { total_credits: 1, total_usage: 0 } });
const created = JSON.stringify({ data: keyObject(), key });

/** A TCP server that does with each connection what the test says. */
async function listen(onConnection: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    onConnection(socket.on('error', () => {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What create came to, and how often it reached the server. */
async function createAt(script: Script, options: Parameters<typeof clientOf>[1] = {}) {
  await using server = await startScriptedServer(script);
  await using client = clientOf(server.baseUrl, options);
  const outcome = await client.createKey(wanted).then(
    ({ secret, hash }) => ({ created: secret.reveal(), hash }),
    (error) => ({ code: error.code, kind: error.kind, message: error.message, retryAfterMs: error.retryAfterMs }),
  );
  return { outcome, posts: server.received.length };
}

describe('an answer that shows the key is created, however odd the rest', () => {
  const odd: Record<string, Script> = {
    'the documented 201': (response) => answer(response, 201, { data: keyObject(), key }),
    '201 without external_user': (response) =>
      answer(response, 201, { data: without(keyObject(), 'external_user', 'expires_at', 'limit'), key }),
    '201 with fields and values of tomorrow': (response) =>
      answer(response, 201, { data: keyObject({ limit_reset: 'hourly', colour: 'red' }), key, more: [1] }),
    '201 with a hash and little else': (response) => answer(response, 201, { key, data: { hash: keyObject().hash } }),
    '201 with nonsense in fields that are checked later': (response) =>
      answer(response, 201, { key, data: { ...keyObject(), limit: 'much', disabled: null } }),
    '200 in place of 201': (response) => answer(response, 200, { data: keyObject(), key }),
    'another content type': (response) => response.writeHead(201, { 'content-type': 'text/html' }).end(created),
    'a body that is whole, in an answer that is not': (response) => {
      response.writeHead(201, { 'content-length': created.length + 1 });
      response.write(created, () => response.socket?.destroy());
    },
    'an answer that drips': (response) => {
      const parts = created.match(/.{1,100}/g) ?? [];
      const drip = (text: string | undefined) =>
        text === undefined ? response.end() : response.write(text, () => drip(parts.shift()));
      response.writeHead(201);
      drip(parts.shift());
    },
  };

  test.each(Object.entries(odd))('%s', async (_, script) => {
    expect(await createAt(script)).toEqual({ outcome: { created: key, hash: keyObject().hash }, posts: 1 });
  });
});

describe('an answer that leaves open whether a key was made is ambiguous, and the POST is not sent again', () => {
  const lost: Record<string, Script> = {
    'a truncated 201, cut inside the secret': (response) => {
      const cut = JSON.stringify({ data: keyObject(), key }).slice(0, -20);
      response.writeHead(201, { 'content-length': created.length });
      response.write(cut, () => response.socket?.destroy());
    },
    'a chunked 201 that ends too soon': (response) => {
      response.writeHead(201);
      response.write(created.slice(0, 200), () => response.socket?.resetAndDestroy());
    },
    '201 without data.hash': (response) => answer(response, 201, { data: without(keyObject(), 'hash'), key }),
    '201 without key': (response) => answer(response, 201, { data: keyObject() }),
    '201 with an empty body': (response) => response.writeHead(201).end(),
    '201 with a page of HTML': (response) => response.writeHead(201).end('<!doctype html><title>Oops</title>'),
    '200 with an error envelope': (response) => answer(response, 200, envelope(500, 'Internal Server Error')),
    '201 larger than 5 MiB': (response) => answer(response, 201, { data: keyObject({ pad: 'x'.repeat(6e6) }), key }),
    '204': (response) => response.writeHead(204).end(),
    '302': (response) => response.writeHead(302, { location: '/api/v1/elsewhere' }).end(),
    '307, which asks for the same POST elsewhere': (response) =>
      response.writeHead(307, { location: '/api/v1/elsewhere' }).end(),
    '408': (response) => answer(response, 408, envelope(408, 'Request Timeout')),
    '500 in the envelope': (response) => answer(response, 500, envelope(500, 'Internal Server Error')),
    '502 from the edge': (response) => response.writeHead(502).end('<html>502 Bad Gateway</html>'),
    '503 with Retry-After': (response) => answer(response, 503, {}, { 'retry-after': '1' }),
    '524': (response) => response.writeHead(524).end('error code: 524'),
    '400 without the envelope': (response) => response.writeHead(400).end('<html>400</html>'),
    '400 with an envelope cut short': (response) => {
      response.writeHead(400, { 'content-length': 1000 });
      response.write('{"error":{"message":"na', () => response.socket?.destroy());
    },
    '401 without the envelope': (response) => response.writeHead(401).end('Unauthorized'),
    'a reset after the request was read': (response) => response.socket?.resetAndDestroy(),
    'a close after the request was read': (response) => response.socket?.destroy(),
    'bytes that are not HTTP': (response) => response.socket?.end('SSH-2.0-OpenSSH_9.6\r\n'),
  };

  test.each(Object.entries(lost))('%s', async (_, script) => {
    expect(await createAt(script)).toMatchObject({
      outcome: { code: 'KEYTURN_CREATE_AMBIGUOUS', kind: 'ambiguous' },
      posts: 1,
    });
  });

  test('no answer at all', async () => {
    const result = await createAt(() => {}, { timeoutMs: 600 });
    expect(result).toMatchObject({ outcome: { code: 'KEYTURN_CREATE_AMBIGUOUS' }, posts: 1 });
  });

  test('a 201 that drips for longer than the deadline', async () => {
    const drip: Script = (response) => {
      response.writeHead(201);
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    };
    const result = await createAt(drip, { timeoutMs: 600 });
    expect(result).toMatchObject({ outcome: { code: 'KEYTURN_CREATE_AMBIGUOUS' }, posts: 1 });
  });
});

describe('an answer that says no leaves no key behind, and is no ambiguity', () => {
  test.each([
    [400, 'Invalid request parameters', 'KEYTURN_OPENROUTER_REFUSED', 'terminal'],
    [401, 'User not found.', 'KEYTURN_CONNECTION_REFUSED', 'needs-attention'],
    [402, 'Insufficient credits.', 'KEYTURN_OPENROUTER_REFUSED', 'terminal'],
    [403, 'Only management keys can perform this operation', 'KEYTURN_CONNECTION_NOT_MANAGEMENT', 'terminal'],
    [403, 'Only provisioning keys can perform this operation', 'KEYTURN_CONNECTION_NOT_MANAGEMENT', 'terminal'],
    [403, 'Workspace monthly budget of $500.00 exceeded.', 'KEYTURN_OPENROUTER_REFUSED', 'terminal'],
    [404, 'Workspace not found', 'KEYTURN_OPENROUTER_REFUSED', 'terminal'],
    [429, 'Rate limit exceeded', 'KEYTURN_OPENROUTER_RATE_LIMITED', 'transient'],
  ])('%i %s', async (status, message, code, kind) => {
    const result = await createAt((response) => answer(response, status, envelope(status, message)));
    expect(result).toMatchObject({ outcome: { code, kind }, posts: 1 });
  });

  test('a rate limit of the edge, which speaks no JSON, tells how long to wait', async () => {
    const limited: Script = (response) => response.writeHead(429, { 'retry-after': '7' }).end('error code: 1015');
    expect(await createAt(limited)).toMatchObject({
      outcome: { code: 'KEYTURN_OPENROUTER_RATE_LIMITED', retryAfterMs: 7_000 },
      posts: 1,
    });
  });
});

describe('a request that never left is transient: there is nothing to look for', () => {
  test('nobody listens', async () => {
    const { port, [Symbol.asyncDispose]: stop } = await listen(() => {});
    await stop();

    await using client = clientOf(`http://127.0.0.1:${port}/api/v1`);
    await expect(client.createKey(wanted)).rejects.toMatchObject({
      code: 'KEYTURN_OPENROUTER_UNAVAILABLE',
      message: expect.stringContaining('no connection (ECONNREFUSED)'),
    });
  });

  test('nobody listens on any of the addresses of a name, which Node reports as one error', async () => {
    const { port, [Symbol.asyncDispose]: stop } = await listen(() => {});
    await stop();

    const addresses = [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ];
    const dispatcher = new Agent({ connect: { lookup: (_name, _options, done) => done(null, addresses) } });
    await using client = clientOf(`http://openrouter.invalid:${port}/api/v1`, { dispatcher });
    await expect(client.createKey(wanted)).rejects.toMatchObject({ code: 'KEYTURN_OPENROUTER_UNAVAILABLE' });
    await dispatcher.close();
  });

  test('the name does not resolve', async () => {
    const noSuchName = Object.assign(new Error('no such name'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' });
    const dispatcher = new Agent({ connect: { lookup: (_name, _options, done) => done(noSuchName, '') } });
    await using client = clientOf('http://openrouter.invalid/api/v1', { dispatcher });
    await expect(client.createKey(wanted)).rejects.toMatchObject({
      code: 'KEYTURN_OPENROUTER_UNAVAILABLE',
      message: expect.stringContaining('no connection (ENOTFOUND)'),
    });
    await dispatcher.close();
  });

  test('the connection is accepted and never secured', async () => {
    await using mute = await listen(() => {});
    await using client = clientOf(`https://127.0.0.1:${mute.port}/api/v1`, { timeoutMs: 3_000 });
    await expect(client.createKey(wanted)).rejects.toMatchObject({
      code: 'KEYTURN_OPENROUTER_UNAVAILABLE',
      message: expect.stringContaining('no connection (UND_ERR_CONNECT_TIMEOUT)'),
    });
  });

  test('the client was closed before the request was sent', async () => {
    await using server = await startScriptedServer((response) => response.writeHead(201).end(created));
    const client = clientOf(server.baseUrl);
    await client.close();

    await expect(client.createKey(wanted)).rejects.toMatchObject({ code: 'KEYTURN_OPENROUTER_UNAVAILABLE' });
    expect(server.received).toHaveLength(0);
  });
});

test('a reset while the connection is being secured may be anything, so a create is ambiguous', async () => {
  await using server = await listen((socket) => socket.once('data', () => socket.resetAndDestroy()));
  await using client = clientOf(`https://127.0.0.1:${server.port}/api/v1`);
  await expect(client.createKey(wanted)).rejects.toMatchObject({ code: 'KEYTURN_CREATE_AMBIGUOUS' });
});

test('a kept-alive connection that the server drops does not make a create ambiguous', async () => {
  let posts = 0;
  await using server = await listen((socket) => {
    const http = (status: string, body: string) =>
      socket.write(`HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    let request = '';
    let kept = false;
    socket.on('data', (chunk) => {
      request += chunk;
      if (request.startsWith('GET ')) {
        http('200 OK', credits);
        kept = true;
      } else if (kept) {
        posts += 1;
        socket.destroy(); // it was to be kept, and is dropped just as the create comes over it
      } else if (request.endsWith('}')) {
        posts += 1;
        http('201 Created', created);
      } else {
        return;
      }
      request = '';
    });
  });
  await using client = clientOf(`http://127.0.0.1:${server.port}/api/v1`);

  for (let n = 0; n < 3; n += 1) await client.credits(); // undici may open a second connection for the second one
  expect(await client.createKey(wanted)).toMatchObject({ hash: keyObject().hash });
  expect(posts).toBe(1);
});

test('what is not asked for is left out: a null workspace is not in the contract', async () => {
  await using server = await startScriptedServer((response) => response.writeHead(201).end(created));
  await using client = clientOf(server.baseUrl);

  await client.createKey({ ...wanted, limit: null, limitReset: null });
  await client.createKey({
    ...wanted,
    workspace: '0b7f3c52-9a4e-4d18-8c6d-2f1e5a9b7c30',
    expiresAt: '2027-02-21T00:00:00Z',
  });

  expect(server.received.map(({ body }) => body)).toEqual([
    { name: 'marker-1', limit: null, limit_reset: null, include_byok_in_limit: false },
    {
      name: 'marker-1',
      limit: 50,
      limit_reset: 'monthly',
      include_byok_in_limit: false,
      workspace_id: '0b7f3c52-9a4e-4d18-8c6d-2f1e5a9b7c30',
      expires_at: '2027-02-21T00:00:00Z',
    },
  ]);
  expect(server.received[0]?.headers).toMatchObject({ 'content-type': 'application/json' });
});

test.each([
  '2027-02-21T00:00Z',
  '2027-02-21T00:00:00',
  '2027-02-21T00:00:00+00:00',
  '2027-02-21T00:00:00.000Z',
  '2027-13-21T00:00:00Z',
  'tomorrow',
])('an expiry that OpenRouter would not take is never sent: %s', async (expiresAt) => {
  await using server = await startScriptedServer((response) => response.writeHead(201).end(created));
  await using client = clientOf(server.baseUrl);

  await expect(client.createKey({ ...wanted, expiresAt })).rejects.toMatchObject({ code: 'KEYTURN_INTERNAL' });
  expect(server.received).toEqual([]);
});
