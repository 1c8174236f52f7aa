import { randomUUID } from 'node:crypto';
import { CreateSecretCommand, DescribeSecretCommand } from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { digestOf, Secret } from '../../../secrets/secret.ts';
import { awsSecretsManager } from '../../../stores/aws-secrets-manager/kind.ts';
import type { Spot, Store } from '../../../stores/store.ts';
import { type Injection, isChange } from '../aws/aws-proxy.ts';
import { openAwsWorld } from '../aws/aws-world.ts';
import { labelsOf, textOf } from './application.ts';

const world = await openAwsWorld();
if ('unavailable' in world) console.warn(`Not tested: lost answers of AWS Secrets Manager. ${world.unavailable}`);

const lost: [string, Injection][] = [
  ['is lost after it took effect', { kind: 'answer lost' }],
  ['is lost before', { kind: 'lost' }],
  [
    'ends with 500 after it took effect',
    { kind: 'error', status: 500, type: 'InternalServiceError', afterwards: true },
  ],
  ['ends with 503 of something in between', { kind: 'error', status: 503, body: '<html>', afterwards: true }],
  ['cannot be read', { kind: 'error', status: 200, type: 'x', body: '{"VersionId": "1', afterwards: true }],
];

describe.skipIf('unavailable' in world)('lost answers of AWS Secrets Manager', () => {
  if ('unavailable' in world) return;
  const { secrets, proxy } = world;
  let store: Store;
  beforeAll(async () => {
    store = await world.open(awsSecretsManager);
  });
  afterEach(() => proxy.reset());
  afterAll(() => world.close());

  const value = (text: string) => new Secret(`sk-or-v1-${text}`);
  const writer = { policy: 'checkout', rotationId: 'r1' };
  const ours = digestOf(value('new'));
  /** As the caller does: again, for as long as it is asked to. */
  const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if ((error as { kind?: string }).kind !== 'transient' || attempt === 3) throw error;
      }
    }
  };
  /** The change number `nth` from now on. */
  const injectInto = (nth: number, injection: Injection) => {
    let seen = 0;
    proxy.once((call) => isChange(call) && ++seen === nth, injection);
  };
  const versionsOf = async (name: string) =>
    Object.keys((await secrets.send(new DescribeSecretCommand({ SecretId: name }))).VersionIdsToStages ?? {}).length;

  for (const [how, injection] of lost) {
    test.each([1, 2])(`a write whose request %i ${how} is one version, and is not sent again`, async (nth) => {
      const spot: Spot = { name: `prod/${randomUUID()}`, field: 'key' };
      await secrets.send(new CreateSecretCommand({ Name: spot.name, SecretString: '{"a":"b","key":"sk-or-v1-old"}' }));
      const { memento } = await store.capture(spot, writer);
      injectInto(nth, injection);
      const written = await patiently(() => store.write(spot, value('new'), writer, memento));
      expect(await textOf(secrets, spot.name)).toBe('{"a":"b","key":"sk-or-v1-new"}');
      expect((await labelsOf(secrets, spot.name)).AWSCURRENT).toBe(written.version);
      expect(await versionsOf(spot.name)).toBe(2);
      const arrived = injection.kind !== 'lost';
      expect(proxy.calls.filter(isChange).length).toBe(arrived ? 2 : 3);
    });

    test(`a creation that ${how} is one secret`, async () => {
      const spot: Spot = { name: `prod/${randomUUID()}`, field: null };
      const { memento } = await store.capture(spot, writer);
      injectInto(1, injection);
      await patiently(() => store.write(spot, value('new'), writer, memento));
      expect(await textOf(secrets, spot.name)).toBe('sk-or-v1-new');
      expect(await versionsOf(spot.name)).toBe(1);
    });

    test.each([1, 2, 3])(`an undo whose request %i ${how} leaves what there was`, async (nth) => {
      const spot: Spot = { name: `prod/${randomUUID()}`, field: null };
      await secrets.send(new CreateSecretCommand({ Name: spot.name, SecretString: 'sk-or-v1-older' }));
      await store.write(
        spot,
        value('old'),
        { ...writer, rotationId: 'r0' },
        (await store.capture(spot, writer)).memento,
      );
      const labels = await labelsOf(secrets, spot.name);
      const { memento } = await store.capture(spot, writer);
      await store.write(spot, value('new'), writer, memento);
      injectInto(nth, injection);
      expect(await patiently(() => store.restore(spot, memento, writer, ours, null))).toMatchObject({
        end: 'restored',
      });
      expect(await textOf(secrets, spot.name)).toBe('sk-or-v1-old');
      expect(await labelsOf(secrets, spot.name)).toEqual(labels);
    });

    test(`a removal that ${how} is done once`, async () => {
      const spot: Spot = { name: `prod/${randomUUID()}`, field: null };
      await store.write(spot, value('new'), writer, (await store.capture(spot, writer)).memento);
      injectInto(1, injection);
      expect(await patiently(() => store.remove(spot, 'checkout', [ours]))).toBe('removed');
      await expect(labelsOf(secrets, spot.name)).rejects.toThrow();
    });
  }

  test('a label that is readable a moment after its version is waited for', async () => {
    const spot: Spot = { name: `prod/${randomUUID()}`, field: null };
    await secrets.send(new CreateSecretCommand({ Name: spot.name, SecretString: 'sk-or-v1-old' }));
    const late: Injection = { kind: 'error', status: 400, type: 'ResourceNotFoundException' };
    proxy.once('GetSecretValue', late);
    proxy.once('GetSecretValue', late);
    expect(await store.read(spot, 'checkout')).toMatchObject({ kind: 'held' });
  });

  test('a worker that was frozen sends nothing when it wakes', async () => {
    let now = Date.now();
    const frozen = await world.open(awsSecretsManager, {}, { time: { now: () => now, wait: async () => {} } });
    const spot: Spot = { name: `prod/${randomUUID()}`, field: null };
    await secrets.send(new CreateSecretCommand({ Name: spot.name, SecretString: 'sk-or-v1-old' }));
    const { memento } = await frozen.capture(spot, writer);
    proxy.rules.push(({ action }) => {
      if (action === 'GetSecretValue') now += 20_000;
      return undefined;
    });
    await expect(frozen.write(spot, value('new'), writer, memento)).rejects.toMatchObject({
      code: 'KEYTURN_STORE_UNAVAILABLE',
    });
    expect(proxy.calls.filter(isChange)).toEqual([]);
  });
});
