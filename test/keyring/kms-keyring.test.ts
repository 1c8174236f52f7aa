import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { withActive, withKey } from '../../keyring/keyring-changes.ts';
import {
  changeKeyringFile,
  keyringOfOne,
  makeKeyringFile,
  newPlainKey,
  type WrappedKey,
} from '../../keyring/keyring-file.ts';
import { openKeyringFrom } from '../../keyring/keyring-source.ts';
import { makeWrappedKey, unwrapKey } from '../../keyring/kms-keyring.ts';
import { seal, unseal } from '../../secrets/seal.ts';
import { Secret } from '../../secrets/secret.ts';
import { startMoto } from './moto.ts';

const moto = await startMoto();
if ('unavailable' in moto) console.warn(`Not tested: a keyring wrapped by AWS KMS. ${moto.unavailable}`);

let kms: KMSClient;
let kmsKey: string;
let folder: string;
let file: string;
const opened = () => openKeyringFrom({ env: {}, file, make: false });
const failure = (why: RegExp) =>
  expect.objectContaining({ code: 'KEYTURN_KMS_FAILED', message: expect.stringMatching(why) });

/** The SDK's own way of being told: a test file is a process of its own. */
function useMoto(): void {
  for (const [name, value] of Object.entries('env' in moto ? moto.env : {})) vi.stubEnv(name, value);
}

beforeAll(async () => {
  if ('unavailable' in moto) return;
  useMoto();
  kms = new KMSClient({});
  kmsKey = String((await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn);
});
afterAll(async () => {
  if ('unavailable' in moto) return;
  kms.destroy();
  await moto.close();
});
beforeEach(() => {
  useMoto();
  folder = mkdtempSync(join(tmpdir(), 'keyturn-kms-'));
  file = join(folder, 'keyring.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

async function makeWrappedKeyring(): Promise<WrappedKey> {
  const wrapped = await makeWrappedKey(kmsKey, 'w1');
  makeKeyringFile(file, keyringOfOne('w1', wrapped, new Date()));
  return wrapped;
}

test.skipIf('unavailable' in moto)(
  'a wrapped key seals and opens across processes, and stands nowhere in the file',
  async () => {
    const wrapped = await makeWrappedKeyring();
    expect(wrapped.kms).toBe(kmsKey);
    const sealed = seal(await opened(), new Secret('by KMS'), 'test');
    expect(unseal(await opened(), sealed, 'test').reveal()).toBe('by KMS');
    const plain = await unwrapKey('w1', wrapped);
    for (const encoding of ['base64', 'hex', 'latin1'] as const) {
      expect(readFileSync(file, 'latin1')).not.toContain(plain.toString(encoding));
    }
  },
);

test.skipIf('unavailable' in moto)('a wrapped key under another id, or changed, does not open', async () => {
  const wrapped = await makeWrappedKeyring();
  // The id is part of what KMS checks: keys of one file cannot be swapped.
  await expect(unwrapKey('w2', wrapped)).rejects.toEqual(failure(/unwrap key w2 with arn:.*InvalidCiphertext/));
  const bytes = Buffer.from(wrapped.wrapped, 'base64');
  bytes[bytes.length - 1] = Number(bytes.at(-1)) ^ 1;
  await expect(unwrapKey('w1', { ...wrapped, wrapped: bytes.toString('base64') })).rejects.toEqual(failure(/w1/));
});

test.skipIf('unavailable' in moto)('a KMS key that is not there is a fault that names it', async () => {
  await expect(makeWrappedKey('alias/nobody', 'w2')).rejects.toEqual(
    failure(/make a data key with alias\/nobody \(NotFoundException\)/),
  );
});

describe('while KMS refuses', () => {
  let refusing: Server;
  let refused = 0;
  beforeEach(async () => {
    refused = 0;
    // As KMS answers for a key that somebody disabled, which moto would go on using.
    refusing = createServer((request, response) => {
      refused++;
      request.resume();
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify({ __type: 'DisabledException', message: 'arn:aws:kms:… is disabled.' }));
    }).listen(0, '127.0.0.1');
    await once(refusing, 'listening');
  });
  afterEach(() => refusing.close());
  const refuse = () => {
    vi.stubEnv('AWS_ENDPOINT_URL_KMS', `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`);
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, 'for-nobody');
  };
  const wrapped = { kms: 'arn:aws:kms:eu-central-1:123456789012:key/k', wrapped: 'AAAA' };

  test('opening says which key of which KMS key, and no more', async () => {
    refuse();
    makeKeyringFile(file, keyringOfOne('w1', wrapped, new Date()));
    const error = await opened().catch((thrown) => thrown);
    expect(error).toEqual(failure(/unwrap key w1 with arn:aws:.*:key\/k \(DisabledException\)/));
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/for-nobody|AAAA/);
  });

  test('a KMS that cannot be reached is a fault within seconds', async () => {
    refuse();
    vi.stubEnv('AWS_ENDPOINT_URL_KMS', 'http://127.0.0.1:9');
    makeKeyringFile(file, keyringOfOne('w1', wrapped, new Date()));
    await expect(opened()).rejects.toEqual(failure(/ECONNREFUSED/));
  });

  test.skipIf('unavailable' in moto)('a running worker goes on, and unwraps the key once KMS does', async () => {
    makeKeyringFile(file, keyringOfOne('plain', newPlainKey(), new Date()));
    useMoto();
    const w1 = await makeWrappedKey(kmsKey, 'w1');
    const running = await opened();
    const before = seal(running, new Secret('before'), 'test');
    refuse();
    changeKeyringFile(file, (held) => withActive(withKey(held, 'w1', w1, new Date()), 'w1', new Date()));
    await vi.waitFor(() => expect(refused).toBeGreaterThan(0), 5_000);
    expect(running.activeId).toBe('plain');
    expect(unseal(running, before, 'test').reveal()).toBe('before');

    useMoto();
    await vi.waitFor(() => expect(seal(running, new Secret('x'), 'test')).toMatch(/^kt1\.w1\./), 10_000);
    expect(unseal(running, before, 'test').reveal()).toBe('before');
  });
});
