import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { codecServerConfig } from '../../codec-server/config.ts';
import { keyturnPaths } from '../../config/paths.ts';
import { openKeyring } from '../../keyring/keyring-source.ts';
import { mainFile } from '../run-keyturn.ts';
import { audience, contentOf, encrypted, issuer, keySetOf, signed, token } from './server-under-test.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const list = (entry: object) => JSON.stringify({ tokens: [{ name: 'web-ui', token, namespaces: ['prod'], ...entry }] });

let folder: string;
let tokensFile: string;
let jwksFile: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-codec-'));
  tokensFile = join(folder, 'tokens.json');
  jwksFile = join(folder, 'jwks.json');
  writeFileSync(tokensFile, list({}));
  writeFileSync(jwksFile, JSON.stringify(await keySetOf(publicKey)));
});

afterAll(() => rmSync(folder, { recursive: true }));

test('on loopback, without encode and for no page, unless it is told otherwise', async () => {
  expect(await codecServerConfig({ KEYTURN_CODEC_TOKENS: list({}) })).toEqual({
    logLevel: 'info',
    host: '127.0.0.1',
    port: 8088,
    origins: [],
    encode: false,
    trustProxy: [],
    admit: expect.any(Function),
  });
});

test('tokens of a file and JWTs of a key set are let in side by side', async () => {
  const { admit } = await codecServerConfig({
    KEYTURN_CODEC_TOKENS_FILE: tokensFile,
    KEYTURN_CODEC_JWKS: jwksFile,
    KEYTURN_CODEC_JWT_ISSUER: issuer,
    KEYTURN_CODEC_JWT_AUDIENCE: audience,
    KEYTURN_CODEC_JWT_NAMESPACES_CLAIM: 'temporal',
  });
  expect(await admit(`Bearer ${token}`, 'prod')).toBe('web-ui');
  const jwt = await signed(privateKey, { temporal: ['prod'], namespaces: undefined });
  expect(await admit(`Bearer ${jwt}`, 'prod')).toBe('ada@example.com');
  await expect(admit(`Bearer ${jwt}`, 'staging')).rejects.toMatchObject({ code: 'KEYTURN_CODEC_FORBIDDEN' });
});

describe('what would let nobody or anybody in is refused, and no token is shown', () => {
  const tokens = { KEYTURN_CODEC_TOKENS: list({}) };
  test.for<[string, Record<string, string>, RegExp]>([
    ['neither tokens nor a key set', {}, /KEYTURN_CODEC_TOKENS_FILE or KEYTURN_CODEC_JWKS/],
    ['a short token', { KEYTURN_CODEC_TOKENS: list({ token: 'short' }) }, /tokens\.0\.token/],
    ['a token without namespaces', { KEYTURN_CODEC_TOKENS: list({ namespaces: [] }) }, /tokens\.0\.namespaces/],
    ['tokens that are not JSON', { KEYTURN_CODEC_TOKENS: token }, /not JSON/],
    ['a key set without issuer', { KEYTURN_CODEC_JWKS: 'jwks.json', KEYTURN_CODEC_JWT_AUDIENCE: 'a' }, /JWT_ISSUER/],
    ['any origin', { ...tokens, KEYTURN_CODEC_ORIGINS: '*' }, /KEYTURN_CODEC_ORIGINS/],
    ['an origin with a path', { ...tokens, KEYTURN_CODEC_ORIGINS: 'https://a.example.com/' }, /KEYTURN_CODEC_ORIGINS/],
    ['a port that is none', { ...tokens, KEYTURN_CODEC_PORT: '70000' }, /KEYTURN_CODEC_PORT/],
  ])('%s', async ([, env, words]) => {
    const problem = await codecServerConfig(env).catch((error: Error) => error);
    expect(problem).toMatchObject({ code: 'KEYTURN_USAGE', message: expect.stringMatching(words) });
    expect(String((problem as Error).message)).not.toContain(token);
  });

  test('a key set that comes in clear from elsewhere', async () => {
    const env = { KEYTURN_CODEC_JWT_ISSUER: issuer, KEYTURN_CODEC_JWT_AUDIENCE: audience };
    await expect(
      codecServerConfig({ ...env, KEYTURN_CODEC_JWKS: 'http://login.example.com/jwks' }),
    ).rejects.toMatchObject({ code: 'KEYTURN_USAGE' });
  });

  test('a file that is not there', async () => {
    const env = { KEYTURN_CODEC_TOKENS_FILE: join(folder, 'none.json') };
    await expect(codecServerConfig(env)).rejects.toMatchObject({ code: 'KEYTURN_FILE_UNREADABLE' });
  });
});

test('keyturn codec-server decodes with the keyring of this machine until it is asked to stop', async () => {
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    XDG_DATA_HOME: join(folder, 'data'),
    KEYTURN_CODEC_PORT: '0',
    KEYTURN_CODEC_TOKENS_FILE: tokensFile,
  };
  const payload = await encrypted(await openKeyring(keyturnPaths(env).keyringFile), 'prod', 'readable');
  const child = spawn(process.execPath, [mainFile, 'codec-server'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const { url } = JSON.parse((await lines.next()).value as string);
  const response = await fetch(`${url}/prod/decode`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ payloads: [payload] }),
  });
  const { payloads } = (await response.json()) as { payloads: [typeof payload] };
  expect(contentOf(payloads[0])).toBe('readable');
  expect(JSON.parse((await lines.next()).value as string)).toMatchObject({ who: 'web-ui', namespace: 'prod' });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});
