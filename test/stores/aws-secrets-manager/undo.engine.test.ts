import { randomUUID } from 'node:crypto';
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  PutSecretValueCommand,
  UpdateSecretCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf, Secret } from '../../../secrets/secret.ts';
import { awsSecretsManager } from '../../../stores/aws-secrets-manager/kind.ts';
import { inWords, type Spot, type Store } from '../../../stores/store.ts';
import { openAwsWorld } from '../aws/aws-world.ts';
import { labelsOf, textOf, writeAsStranger } from './application.ts';

const world = await openAwsWorld();
if ('unavailable' in world) console.warn(`Not tested: undoing in AWS Secrets Manager. ${world.unavailable}`);

describe.skipIf('unavailable' in world)('undoing in AWS Secrets Manager', () => {
  if ('unavailable' in world) return;
  const { secrets } = world;
  let store: Store;
  beforeAll(async () => {
    store = await world.open(awsSecretsManager);
  });
  afterAll(() => world.close());

  const value = (text: string) => new Secret(`sk-or-v1-${text}`);
  const writer = (rotationId: string) => ({ policy: 'checkout', rotationId });
  const created = async (text?: string): Promise<string> => {
    const name = `prod/${randomUUID()}`;
    await secrets.send(new CreateSecretCommand({ Name: name, ...(text === undefined ? {} : { SecretString: text }) }));
    return name;
  };
  const isThere = (name: string) =>
    secrets.send(new DescribeSecretCommand({ SecretId: name })).then(
      () => true,
      () => false,
    );
  async function write(spot: Spot, text: string, rotation = 'r1') {
    const before = await store.capture(spot, writer(rotation));
    await store.write(spot, value(text), writer(rotation), before.memento);
    return {
      undo: () => store.restore(spot, before.memento, writer(rotation), digestOf(value(text)), null),
    };
  }
  const remove = (spot: Spot, ...texts: string[]) =>
    store.remove(
      spot,
      'checkout',
      texts.map((text) => digestOf(value(text))),
    );

  test.each([null, 'key'])(
    'all labels are where they were: AWSPREVIOUS leads to no withdrawn key (field %s)',
    async (field) => {
      const name = await created('{"key":"\\u006fne","other":1}');
      const spot = { name, field };
      if (field === null) await writeAsStranger(secrets, name, 'plain');
      await write(spot, 'first', 'r1');
      await write(spot, 'second', 'r2');
      const [before, text] = [await labelsOf(secrets, name), await textOf(secrets, name)];
      expect(before.AWSPREVIOUS).toBeDefined();
      const { undo } = await write(spot, 'third', 'r3');
      expect((await labelsOf(secrets, name)).AWSPREVIOUS).toBe(before.AWSCURRENT);
      expect(await undo()).toMatchObject({ end: 'restored' });
      expect(await labelsOf(secrets, name)).toEqual(before);
      expect(await textOf(secrets, name)).toBe(text);
    },
  );

  test('where there was no AWSPREVIOUS, there is none', async () => {
    const spot = { name: await created('old'), field: null };
    const { undo } = await write(spot, 'new');
    await undo();
    expect(Object.keys(await labelsOf(secrets, spot.name))).toEqual(['AWSCURRENT']);
    expect(await textOf(secrets, spot.name)).toBe('old');
  });

  test('what others wrote after us stays: only the field goes back, spelt as it was', async () => {
    const name = await created('{"key":"\\u006fld","theirs":"a"}');
    const { undo } = await write({ name, field: 'key' }, 'new');
    await writeAsStranger(secrets, name, '{"theirs":"b", "key":"sk-or-v1-new"}');
    expect(await undo()).toMatchObject({ end: 'restored' });
    expect(await textOf(secrets, name)).toBe('{"theirs":"b", "key":"\\u006fld"}');
    expect(await textOf(secrets, name, 'AWSPREVIOUS')).toBe('{"theirs":"b", "key":"sk-or-v1-new"}');
  });

  test('a creation is undone by deleting, as long as it is ours alone', async () => {
    const spot = { name: `prod/${randomUUID()}`, field: null };
    const { undo } = await write(spot, 'new');
    expect(await isThere(spot.name)).toBe(true);
    await undo();
    expect(await isThere(spot.name)).toBe(false);
  });

  test.each([
    [
      'somebody has made it theirs',
      async (name: string) => {
        await secrets.send(new UpdateSecretCommand({ SecretId: name, Description: 'Of checkout' }));
      },
    ],
    [
      'it has a version of somebody',
      async (name: string) => {
        await secrets.send(
          new PutSecretValueCommand({ SecretId: name, SecretString: 'x', VersionStages: ['AWSPENDING'] }),
        );
      },
    ],
  ])('a creation is not undone by deleting where %s', async (_, happens) => {
    const spot = { name: `prod/${randomUUID()}`, field: null };
    const { undo } = await write(spot, 'new');
    await happens(spot.name);
    expect(await undo()).toMatchObject({ end: 'restored' });
    expect(await textOf(secrets, spot.name)).toBe('{}');
    expect(await undo()).toMatchObject({ end: 'restored' });
    await write(spot, 'next', 'r2');
    expect(await textOf(secrets, spot.name)).toBe('sk-or-v1-next');
  });

  test('a field whose secret was created with it is taken out, and the secret stays for others', async () => {
    const name = `prod/${randomUUID()}`;
    const { undo } = await write({ name, field: 'key' }, 'new');
    expect(await textOf(secrets, name)).toBe('{"key":"sk-or-v1-new"}');
    await write({ name, field: 'other' }, 'other');
    await undo();
    expect(await textOf(secrets, name)).toBe('{"other":"sk-or-v1-other"}');
  });

  test.each([null, 'key'])(
    'a secret without a value gets one, and holds nothing after an undo (field %s)',
    async (field) => {
      const spot = { name: await created(), field };
      expect(await store.read(spot, 'checkout')).toEqual({ kind: 'absent' });
      const { undo } = await write(spot, 'new');
      expect(await store.read(spot, 'checkout')).toMatchObject({ kind: 'held' });
      expect(await undo()).toMatchObject({ end: 'restored' });
      expect(await textOf(secrets, spot.name)).toBe('{}');
      expect(await store.read(spot, 'checkout')).toEqual({ kind: 'absent' });
    },
  );

  test('two first values at once: one is current, and neither is lost unseen', async () => {
    const name = await created();
    const [one, other] = [
      { name, field: 'one' },
      { name, field: 'other' },
    ];
    await Promise.all([write(one, 'one'), write(other, 'other')]);
    expect(JSON.parse((await textOf(secrets, name)) ?? '')).toEqual({ one: 'sk-or-v1-one', other: 'sk-or-v1-other' });
  });

  test('two creations at once: both fields are there', async () => {
    const name = `prod/${randomUUID()}`;
    await Promise.all([write({ name, field: 'one' }, 'one'), write({ name, field: 'other' }, 'other')]);
    expect(JSON.parse((await textOf(secrets, name)) ?? '')).toEqual({ one: 'sk-or-v1-one', other: 'sk-or-v1-other' });
  });

  test('removing deletes what Keyturn has made, and empties what it has not', async () => {
    const made = { name: `prod/${randomUUID()}`, field: null };
    await write(made, 'one', 'r1');
    await write(made, 'two', 'r2');
    expect(await remove(made, 'two')).toBe('removed');
    expect(await isThere(made.name)).toBe(false);

    const theirs = { name: await created('by hand'), field: null };
    await write(theirs, 'one', 'r1');
    expect(await remove(theirs, 'one')).toBe('removed');
    expect(await textOf(secrets, theirs.name)).toBe('{}');
    expect(await remove(theirs, 'one')).toBe('removed');
    await write(theirs, 'one', 'r1');
    expect(await textOf(secrets, theirs.name), inWords(theirs)).toBe('sk-or-v1-one');
  });

  test('a former version that AWS has cleared away is written again', async () => {
    const name = await created('old');
    const spot = { name, field: null };
    const { undo } = await write(spot, 'new');
    const former = (await labelsOf(secrets, name)).AWSPREVIOUS;
    world.proxy.once(({ action, input }) => action === 'GetSecretValue' && input.VersionId === former, {
      kind: 'error',
      status: 400,
      type: 'ResourceNotFoundException',
    });
    expect(await undo()).toMatchObject({ end: 'restored' });
    expect(await textOf(secrets, name)).toBe('old');
  });
});
