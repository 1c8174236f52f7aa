import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { fault } from '../../../errors/keyturn-error.ts';
import { Secret } from '../../../secrets/secret.ts';
import { awsParameterStore } from '../../../stores/aws-parameter-store/kind.ts';
import { awsSecretsManager } from '../../../stores/aws-secrets-manager/kind.ts';
import type { StoreKind } from '../../../stores/kind.ts';
import { requestTimeoutMs } from '../../../stores/promises.ts';
import type { Spot } from '../../../stores/store.ts';
import { openAwsWorld } from './aws-world.ts';

const world = await openAwsWorld();
if ('unavailable' in world) console.warn(`Not tested: credentials of AWS's stores. ${world.unavailable}`);

describe.skipIf('unavailable' in world).each<StoreKind>([awsSecretsManager, awsParameterStore])(
  'credentials of $kind',
  (kind) => {
    if ('unavailable' in world) return;
    const { proxy, credentials } = world;
    let folder: string;
    const spot: Spot = { name: `prod-${randomUUID()}`, field: null };
    const writer = { policy: 'checkout', rotationId: 'r1' };

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'keyturn-aws-'));
      await world.secrets.send(new CreateSecretCommand({ Name: spot.name, SecretString: 'held' }));
      await world.parameters.send(new PutParameterCommand({ Name: spot.name, Value: 'held', Type: 'SecureString' }));
    });
    afterEach(() => {
      proxy.reset();
      vi.unstubAllEnvs();
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    const ambient = { accessKeyId: undefined, secretAccessKey: undefined };
    const accept = (accessKeyId: string) =>
      proxy.rules.push((call) =>
        call.accessKeyId === accessKeyId ? undefined : { kind: 'error', status: 400, type: 'ExpiredTokenException' },
      );
    const usedKeys = () => [...new Set(proxy.calls.map((call) => call.accessKeyId))];
    const profile = (name: string, id: string) =>
      `[${name}]\naws_access_key_id = ${id}\naws_secret_access_key = its-secret-key\n`;

    test('that have expired in the middle are told, and replaced ones are used without a restart', async () => {
      const store = await world.open(kind);
      credentials.set('ID', 'old');
      const { memento } = await store.capture(spot, writer);
      accept('new');
      await expect(store.write(spot, new Secret('sk-or-v1-new'), writer, memento)).rejects.toMatchObject({
        code: 'KEYTURN_STORE_UNAVAILABLE',
        message: expect.stringMatching(/credentials have expired \(ExpiredTokenException, request r-1\)/),
      });
      credentials.set('ID', 'new');
      await store.write(spot, new Secret('sk-or-v1-new'), writer, memento);
      expect(await store.read(spot, 'checkout')).toMatchObject({ kind: 'held' });
    });

    test('are replaced between two requests of one write', async () => {
      const store = await world.open(kind);
      credentials.set('ID', 'one');
      proxy.rules.push(() => {
        credentials.set('ID', 'two');
        return undefined;
      });
      await store.capture(spot, writer);
      expect(usedKeys()).toEqual(['one', 'two']);
    });

    test('that cannot be read are the error, and nothing is sent', async () => {
      const unreadable = fault('KEYTURN_CREDENTIAL_UNREADABLE', 'store "aws"', 'environment variable ID is not set');
      const store = await world.open(kind, {}, { secret: () => Promise.reject(unreadable) });
      await expect(store.read(spot, '')).rejects.toMatchObject({ code: 'KEYTURN_CREDENTIAL_UNREADABLE' });
      expect(proxy.calls).toEqual([]);
    });

    test('of a session go along', async () => {
      const store = await world.open(kind, { sessionToken: { env: 'TOKEN' } });
      credentials.set('TOKEN', 'of-the-session');
      expect(await store.read(spot, '')).toMatchObject({ kind: 'held' });
    });

    test('out of a profile whose file was replaced are read anew once they are refused', async () => {
      const file = join(folder, 'credentials');
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
      vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'none'));
      writeFileSync(file, profile('rotator', 'first'));
      const store = await world.open(kind, { ...ambient, profile: 'rotator' });
      await store.read(spot, '');
      expect(usedKeys()).toEqual(['first']);
      writeFileSync(file, profile('rotator', 'second'));
      accept('second');
      await expect(store.read(spot, '')).rejects.toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE' });
      expect(await store.read(spot, '')).toMatchObject({ kind: 'held' });
    });

    test("are found where AWS's own tools find them", async () => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', 'of-the-environment');
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'its-secret-key');
      const store = await world.open(kind, ambient);
      await store.read(spot, '');
      expect(usedKeys()).toEqual(['of-the-environment']);
    });

    test('that are nowhere are told as such', async () => {
      for (const name of ['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE']) vi.stubEnv(name, join(folder, 'none'));
      vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
      const store = await world.open(kind, ambient);
      await expect(store.read(spot, '')).rejects.toMatchObject({
        code: 'KEYTURN_STORE_UNAVAILABLE',
        message: expect.stringMatching(/no credentials can be had/),
      });
    });

    test('a store without a region says where it is set', async () => {
      for (const name of ['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE']) vi.stubEnv(name, join(folder, 'none'));
      const store = await world.open(kind, { region: undefined });
      await expect(store.read(spot, '')).rejects.toMatchObject({ message: expect.stringMatching(/AWS_REGION/) });
    });

    test("the environment's retries are not ours: each request is sent once", async () => {
      vi.stubEnv('AWS_MAX_ATTEMPTS', '5');
      vi.stubEnv('AWS_RETRY_MODE', 'adaptive');
      const store = await world.open(kind);
      proxy.rules.push(() => ({ kind: 'error', status: 500, type: 'InternalServiceError' }));
      await expect(store.read(spot, '')).rejects.toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE' });
      expect(proxy.calls.length).toBe(1);
    });

    test('an answer that never comes, or never ends, is given up in time', async () => {
      const store = await world.open(kind);
      const silent = createServer((incoming, outgoing) => {
        incoming.resume();
        if (silent.listenerCount('half') > 0) outgoing.writeHead(200).write('{"half":');
      }).listen(0, '127.0.0.1');
      await new Promise((resolve) => silent.once('listening', resolve));
      const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
      const toSilence = await world.open(kind, { endpoint });
      try {
        for (const half of [false, true]) {
          if (half) silent.on('half', () => {});
          const since = Date.now();
          await expect(toSilence.read(spot, '')).rejects.toMatchObject({
            code: 'KEYTURN_STORE_UNAVAILABLE',
            message: expect.stringMatching(/no answer in time/),
          });
          expect(Date.now() - since).toBeLessThan(requestTimeoutMs + 2_000);
        }
      } finally {
        silent.closeAllConnections();
        silent.close();
      }
      expect(await store.read(spot, '')).toMatchObject({ kind: 'held' });
    });

    test('no way to AWS at all: nothing was sent', async () => {
      const store = await world.open(kind, { endpoint: 'http://127.0.0.1:1' });
      await expect(store.read(spot, '')).rejects.toMatchObject({
        message: expect.stringMatching(/no connection \(ECONNREFUSED\)/),
      });
    });
  },
);

afterAll(() => ('unavailable' in world ? undefined : world.close()));
