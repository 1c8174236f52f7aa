import { generateKeyPairSync } from 'node:crypto';
import { createServer, request } from 'node:http';
import { SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { admitByToken } from '../../codec-server/access.ts';
import { jwts } from '../../codec-server/jwts.ts';
import { rateLimit } from '../../codec-server/rate-limit.ts';
import {
  audience,
  contentOf,
  encrypted,
  issuer,
  origin,
  type PayloadJson,
  type ServerUnderTest,
  serverUnderTest,
  signed,
  token,
} from './server-under-test.ts';

let server: ServerUnderTest;
let payload: PayloadJson;

beforeAll(async () => {
  server = await serverUnderTest();
  payload = await encrypted(server.keyring, 'prod', 'readable');
  return () => server[Symbol.asyncDispose]();
});

const withBearer = (bearer: string) => server.post([payload], { headers: { authorization: `Bearer ${bearer}` } });

describe('who asks', () => {
  test('without a token: 401, and the payloads as they came', async () => {
    const answer = await server.post([payload], { headers: { authorization: undefined } });
    expect(answer).toMatchObject({ status: 401, code: 'KEYTURN_CODEC_UNAUTHENTICATED', payloads: [payload] });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  test.for([
    ['another token', 'another-bearer-token-that-nobody-guesses-01234'],
    ['the beginning of a token', token.slice(0, -1)],
    ['a token with more behind it', `${token}0`],
  ])('%s: 401', async ([, bearer]) => {
    expect(await withBearer(String(bearer))).toMatchObject({ status: 401, payloads: [payload] });
  });

  test('a known token for another namespace: 403, and the payloads as they came', async () => {
    const other = await encrypted(server.keyring, 'staging', 'readable');
    const answer = await server.post([other], { headers: { 'x-namespace': 'staging' } });
    expect(answer).toMatchObject({ status: 403, code: 'KEYTURN_CODEC_FORBIDDEN', payloads: [other] });
  });

  test("another namespace's payloads are not decoded for who may read this one", async () => {
    expect(await server.post([await encrypted(server.keyring, 'staging', 'x')])).toMatchObject({ status: 422 });
  });
});

describe('a JWT', () => {
  test('of the issuer, for the audience and the namespace: readable', async () => {
    const { payloads } = await withBearer(await server.jwt());
    expect(contentOf(payloads[0])).toBe('readable');
  });

  const inThePast = Math.floor(Date.now() / 1_000) - 60;
  test.for<[string, Record<string, unknown>, number]>([
    ['that has expired', { exp: inThePast }, 401],
    ['that never expires', { exp: undefined }, 401],
    ['of another issuer', { iss: 'https://elsewhere.example.com' }, 401],
    ['for another audience', { aud: 'temporal' }, 401],
    ['that says nothing of namespaces', { namespaces: undefined }, 401],
    ['whose namespaces are no list', { namespaces: 'prod' }, 401],
    ['that stands for nobody', { sub: undefined }, 401],
    ['for other namespaces', { namespaces: ['production', 'PROD'] }, 403],
  ])('%s: refused', async ([, claims, status]) => {
    expect(await withBearer(await server.jwt(claims))).toMatchObject({ status, payloads: [payload] });
  });

  test('that says why it is refused', async () => {
    expect((await withBearer(await server.jwt({ exp: inThePast }))).text).toContain('has expired');
    expect((await withBearer(await server.jwt({ aud: 'temporal' }))).text).toContain('claim \\"aud\\"');
  });

  test('signed with another key, with a shared secret, or not at all: 401', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const good = await server.jwt();
    const [, claims = ''] = good.split('.');
    const secret = new TextEncoder().encode('a secret of thirty-two characters');
    const forged = [
      await signed(privateKey, {}),
      await new SignJWT(JSON.parse(Buffer.from(claims, 'base64url').toString()))
        .setProtectedHeader({ alg: 'HS256', kid: 'one' })
        .sign(secret),
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`,
      'a.b.c',
    ];
    for (const jwt of forged) expect(await withBearer(jwt)).toMatchObject({ status: 401, payloads: [payload] });
  });

  test('whose issuer cannot be asked: 503, which is not the fault of the token', async () => {
    const issuerDown = createServer((_, response) => response.writeHead(500).end());
    await new Promise<void>((resolve) => issuerDown.listen(0, '127.0.0.1', resolve));
    const { port } = issuerDown.address() as { port: number };
    const jwks = new URL(`http://127.0.0.1:${port}/jwks`);
    const admit = admitByToken([jwts({ jwks, issuer, audience, namespacesClaim: 'namespaces' })]);
    await using other = await serverUnderTest({ admit });
    const headers = { authorization: `Bearer ${await other.jwt()}` };
    const answer = await other.post([payload], { headers });
    expect(answer).toMatchObject({ status: 503, code: 'KEYTURN_CODEC_ISSUER_UNREACHABLE', payloads: [payload] });
    await new Promise((resolve) => issuerDown.close(resolve));
  });
});

describe('which page asks', () => {
  const preflight = (from: string) =>
    fetch(`${server.url}/decode`, {
      method: 'OPTIONS',
      headers: { origin: from, 'access-control-request-method': 'POST' },
    });

  test("the Web UI's: it may send what the Web UI sends, and read the answer, a refusal too", async () => {
    const { status, headers } = await preflight(origin);
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    const allowed = headers.get('access-control-allow-headers')?.toLowerCase().split(', ');
    expect(allowed).toEqual(expect.arrayContaining(['x-namespace', 'content-type', 'authorization']));

    const read = await server.post([payload], { headers: { origin } });
    expect(contentOf(read.payloads[0])).toBe('readable');
    const refused = await server.post([payload], { headers: { origin, authorization: undefined } });
    for (const answer of [read, refused]) expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    expect(read.headers.get('vary')).toContain('Origin');
  });

  test.for([
    'https://evil.example.com',
    `${origin}.evil.example.com`,
    'http://temporal.example.com',
    `${origin}:8443`,
    'null',
  ])('%s: 403 and no CORS header, even with a good token', async (from) => {
    const answers = [await preflight(from), await server.post([payload], { headers: { origin: from } })];
    for (const { status, headers } of answers) {
      expect(status).toBe(403);
      expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });
});

describe('a server that asks for no token', () => {
  const page = 'http://127.0.0.1:8233';
  const local = () => serverUnderTest({ admit: 'local page', origins: [page] });

  test('answers the local Web UI', async () => {
    await using open = await local();
    const sent = await encrypted(open.keyring, 'default', 'readable');
    const headers = { origin: page, authorization: undefined, 'x-namespace': 'default' };
    expect(contentOf((await open.post([sent], { headers })).payloads[0])).toBe('readable');
  });

  test('refuses what is no page, and a page that came by a foreign name (DNS rebinding)', async () => {
    await using open = await local();
    expect(await open.post([payload])).toMatchObject({ status: 403, code: 'KEYTURN_CODEC_NOT_LOCAL' });
    for (const host of ['rebound.example.com', 'localhost.example.com', '127.0.0.1.example.com']) {
      expect(await statusFor(open.url, { host, origin: page })).toBe(403);
      expect(await statusFor(open.url, { host, origin: `http://${host}` })).toBe(403);
    }
    expect(await statusFor(open.url, { host: 'localhost', origin: page })).toBe(200);
  });

  test('is started on loopback or not at all', async () => {
    await expect(serverUnderTest({ admit: 'local page', host: '0.0.0.0' })).rejects.toThrow(/has to ask for tokens/);
  });

  /** By node:http, because fetch writes a Host header of its own. */
  function statusFor(url: string, headers: Record<string, string>): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const options = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } };
      const sent = request(`${url}/decode`, options, (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode));
      });
      sent.once('error', reject);
      sent.end('{"payloads":[]}');
    });
  }
});

describe('too much', () => {
  test('a body of 50 MB: 413 for its announced size, before any of it is sent', async () => {
    expect(await statusAfter({ 'content-length': '50000000' }, '')).toBe(413);
  });

  test('a body of unannounced size: 413 with the first byte over 4 MiB', async () => {
    expect(await statusAfter({}, ' '.repeat(4 * 1024 * 1024 + 1))).toBe(413);
  });

  test('1,000 requests in a second: most are refused with 429, nothing else fails, and the client may come back', async () => {
    await using flooded = await serverUnderTest();
    const sent = await encrypted(flooded.keyring, 'prod', 'readable');
    const startedAt = Date.now();
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => flooded.post([sent])));
    const seconds = (Date.now() - startedAt) / 1_000;
    const read = answers.filter(({ status }) => status === 200).length;
    const refused = answers.filter(({ status }) => status === 429);
    expect(read + refused.length).toBe(1_000);
    expect(read).toBeLessThanOrEqual(300 + Math.ceil(seconds * 100));
    expect(refused.length).toBeGreaterThan(0);
    for (const { headers } of refused) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(flooded.logged()).not.toContain('refused');
    await expect.poll(async () => (await flooded.post([sent])).status).toBe(200);
  });

  test('each client has its own measure, which fills again', () => {
    let now = 0;
    const take = rateLimit({ perSecond: 100, burst: 300, now: () => now });
    const taken = (client: string, times: number) =>
      Array.from({ length: times }, () => take(client)).filter((waitMs) => waitMs === 0).length;
    expect(taken('a', 1_000)).toBe(300);
    expect(taken('b', 10)).toBe(10);
    expect(take('a')).toBe(10);
    now += 500;
    expect(taken('a', 1_000)).toBe(50);
    now += 60_000;
    expect(taken('a', 1_000)).toBe(300);
  });

  /** The answer to a request of which only `begun` is sent, and no end. */
  function statusAfter(headers: Record<string, string>, begun: string): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const sent = request(`${server.url}/prod/decode`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
      });
      sent.once('response', ({ statusCode }) => {
        resolve(statusCode);
        sent.destroy();
      });
      sent.once('error', reject);
      if (begun === '') sent.flushHeaders();
      else sent.write(begun);
    });
  }
});

describe('what is no request', () => {
  test.for([
    ['{"payloads": [{"data": "sk-or-v1-secret', 'application/json', 400],
    ['{"payload": []}', 'application/json', 400],
    ['{"payloads": [{"metadata": "x"}]}', 'application/json', 400],
    ['{"payloads": []}', 'text/plain', 415],
  ] as const)('%s as %s: %i, and nothing of it is repeated', async ([body, type, status]) => {
    const headers = { 'content-type': type, authorization: `Bearer ${token}`, 'x-namespace': 'prod' };
    const response = await fetch(`${server.url}/decode`, { method: 'POST', headers, body });
    expect(response.status).toBe(status);
    const { code, message } = (await response.json()) as { code: string; message: string };
    expect(code).toBe('KEYTURN_CODEC_REQUEST');
    expect(`${message}${server.logged()}`).not.toContain('secret');
  });

  test('another path: 404', async () => {
    expect(await server.post([], { path: '/a/b/decode' })).toMatchObject({ status: 404 });
  });

  test('/healthz answers without a token', async () => {
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });
});
