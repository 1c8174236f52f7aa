import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { exportJWK, type JSONWebKeySet, SignJWT } from 'jose';
import { payloadCodec } from '../../codec/payload-codec.ts';
import { admitByToken } from '../../codec-server/access.ts';
import { bearerTokens } from '../../codec-server/bearer-tokens.ts';
import { jwts } from '../../codec-server/jwts.ts';
import { type CodecServerOptions, startCodecServer } from '../../codec-server/server.ts';
import { freshKeyring, type Keyring } from '../../keyring/keyring.ts';

export const origin = 'https://temporal.example.com';
export const token = 'a-bearer-token-that-nobody-guesses-0123456789';
export const issuer = 'https://login.example.com';
export const audience = 'keyturn-codec';

export type PayloadJson = { metadata: Record<string, string>; data: string };

export type Answer = { status: number; headers: Headers; text: string; payloads: PayloadJson[]; code: string };

/** A codec server that knows one bearer token and one issuer, both for namespace `prod`, with everything it logs. */
export type ServerUnderTest = AsyncDisposable & {
  url: string;
  keyring: Keyring;
  logged: () => string;
  /** POSTs payloads, with `token` and for `prod` unless told otherwise. */
  post(payloads: unknown, how?: { path?: string; headers?: Record<string, string | undefined> }): Promise<Answer>;
  /** A JWT of that issuer, for `prod`, that holds for an hour unless told otherwise. */
  jwt(claims?: Record<string, unknown>): Promise<string>;
};

export async function serverUnderTest(options: Partial<CodecServerOptions> = {}): Promise<ServerUnderTest> {
  const keyring = freshKeyring();
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwks = await keySetOf(publicKey);
  const tokens = JSON.stringify({ tokens: [{ name: 'web-ui', token, namespaces: ['prod'] }] });
  const lines: string[] = [];
  const log = (fields: object, text: string) => void lines.push(`${text} ${JSON.stringify(fields)}`);
  const server = await startCodecServer({
    keyring,
    host: '127.0.0.1',
    port: 0,
    origins: [origin],
    admit: admitByToken([
      bearerTokens(tokens, 'the test'),
      jwts({ jwks, issuer, audience, namespacesClaim: 'namespaces' }),
    ]),
    encode: false,
    trustProxy: [],
    log: { info: log, warn: log } as CodecServerOptions['log'],
    ...options,
  });
  const { url } = server;
  return {
    url,
    keyring,
    logged: () => lines.join('\n'),
    post: (payloads, { path = '/decode', headers = {} } = {}) =>
      post(`${url}${path}`, JSON.stringify({ payloads }), headers),
    jwt: (claims = {}) => signed(privateKey, claims),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

async function post(url: string, body: string, headers: Record<string, string | undefined>): Promise<Answer> {
  const sent = {
    'content-type': 'application/json',
    'x-namespace': 'prod',
    authorization: `Bearer ${token}`,
    ...headers,
  };
  const defined = Object.entries(sent).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const response = await fetch(url, { method: 'POST', headers: defined, body });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, ...JSON.parse(text) };
}

export async function keySetOf(publicKey: KeyObject): Promise<JSONWebKeySet> {
  return { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'one' }] };
}

export function signed(privateKey: KeyObject, claims: Record<string, unknown>): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const usual = { iss: issuer, aud: audience, sub: 'ada@example.com', exp: now + 3_600, namespaces: ['prod'] };
  return new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(privateKey);
}

/** `value` as it stands in a history of that namespace, in the form in which the Web UI sends it. */
export async function encrypted(keyring: Keyring, namespace: string, value: unknown): Promise<PayloadJson> {
  const [payload] = await payloadCodec(keyring, namespace).encode([
    defaultPayloadConverter.toPayload(value) as Payload,
  ]);
  return jsonOf(payload as Payload);
}

export function jsonOf({ metadata, data }: Payload): PayloadJson {
  const entries = Object.entries(metadata ?? {}).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]);
  return { metadata: Object.fromEntries(entries), data: Buffer.from(data ?? []).toString('base64') };
}

export function contentOf(payload: PayloadJson | undefined): unknown {
  return JSON.parse(Buffer.from(payload?.data ?? '', 'base64').toString());
}
