import { randomUUID } from 'node:crypto';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf, Secret } from '../../../secrets/secret.ts';
import { awsParameterStore } from '../../../stores/aws-parameter-store/kind.ts';
import { awsSecretsManager } from '../../../stores/aws-secrets-manager/kind.ts';
import { openAwsWorld } from './aws-world.ts';
import { actionsInReadme, iamOf } from './iam.ts';

const world = await openAwsWorld();
if ('unavailable' in world) console.warn(`Not tested: the least rights of AWS's stores. ${world.unavailable}`);

const kinds = [
  {
    kind: awsSecretsManager,
    actions: actionsInReadme('aws-secrets-manager'),
    create: 'secretsmanager:CreateSecret',
    destroy: 'secretsmanager:DeleteSecret',
  },
  {
    kind: awsParameterStore,
    actions: actionsInReadme('aws-parameter-store'),
    create: null,
    destroy: 'ssm:DeleteParameter',
  },
];

describe.skipIf('unavailable' in world)('the least rights, enforced by moto', () => {
  if ('unavailable' in world) return;
  const { credentials } = world;
  const iam = iamOf(world.moto);
  const name = `prod-${randomUUID()}`;
  const users = new Map<string, { id: string; key: string }>();
  const writer = { policy: 'checkout', rotationId: 'r1' };
  const [one, two] = [new Secret('sk-or-v1-one'), new Secret('sk-or-v1-two')];

  beforeAll(async () => {
    await world.secrets.send(new CreateSecretCommand({ Name: name, SecretString: '{"key":"old"}' }));
    await world.parameters.send(new PutParameterCommand({ Name: name, Value: '{"key":"old"}', Type: 'SecureString' }));
    for (const { kind, actions, create, destroy } of kinds) {
      const all = [...actions, ...(create === null ? [] : [create]), destroy];
      users.set(kind.kind, await iam.user(kind.kind, actions));
      users.set(`${kind.kind} all`, await iam.user(`${kind.kind}-all`, all));
      for (const missing of all) {
        const without = all.filter((action) => action !== missing);
        users.set(`${kind.kind} ${missing}`, await iam.user(`${kind.kind}-${missing.replace(':', '-')}`, without));
      }
    }
    await iam.enforce();
  });
  afterAll(() => world.close());
  const as = (user: string) => {
    credentials.set('ID', users.get(user)?.id ?? '');
    credentials.set('KEY', users.get(user)?.key ?? '');
  };

  for (const { kind, actions, create, destroy } of kinds) {
    test(`${kind.kind}: the policy of its README is enough to write, undo and remove what is there`, async () => {
      as(kind.kind);
      const store = await world.open(kind);
      for (const field of ['key', 'new']) {
        const spot = { name, field };
        const { memento } = await store.capture(spot, writer);
        await store.write(spot, one, writer, memento);
        expect(await store.read(spot, 'checkout')).toMatchObject({ kind: 'held' });
        expect(await store.restore(spot, memento, writer, digestOf(one), null)).toMatchObject({ end: 'restored' });
        await store.write(spot, two, { ...writer, rotationId: 'r2' }, (await store.capture(spot, writer)).memento);
        expect(await store.remove(spot, 'checkout', [digestOf(two)])).toBe('removed');
        const { memento: again } = await store.capture(spot, writer);
        await store.write(spot, one, { ...writer, rotationId: 'r3' }, again);
      }
      const { rights } = await store.check({ name, field: 'key' }, 'checkout');
      expect(rights.map(({ right }) => right)).toEqual(actions);
      expect(rights.every(({ granted }) => granted === true)).toBe(true);
    });

    test(`${kind.kind}: with those to create, it makes and undoes what is not there`, async () => {
      as(`${kind.kind} all`);
      const store = await world.open(kind);
      const spot = { name: `prod-${randomUUID()}`, field: null };
      const { memento } = await store.capture(spot, writer);
      await store.write(spot, one, writer, memento);
      expect(await store.restore(spot, memento, writer, digestOf(one), null)).toMatchObject({ end: 'restored' });
      expect(await store.read(spot, 'checkout')).toEqual({ kind: 'absent' });
    });

    test.each(actions)(
      `${kind.kind}: without %s, check says so before anything is done, and so does the step`,
      async (action) => {
        as(`${kind.kind} ${action}`);
        const store = await world.open(kind);
        const spot = { name, field: 'key' };
        const { rights } = await store.check(spot, 'checkout');
        expect(rights.filter(({ granted }) => granted === false).map(({ right }) => right)).toEqual([action]);
        const step = async () =>
          store.write(
            spot,
            two,
            { ...writer, rotationId: `without ${action}` },
            (await store.capture(spot, writer)).memento,
          );
        await expect(step()).rejects.toMatchObject({
          code: 'KEYTURN_STORE_REFUSED',
          message: expect.stringContaining(`it takes the right ${action},`),
        });
      },
    );

    test.each([create, destroy].filter((action) => action !== null))(
      `${kind.kind}: without %s, the step says so`,
      async (action) => {
        as(`${kind.kind} ${action}`);
        const store = await world.open(kind);
        const spot = { name: `prod-${randomUUID()}`, field: null };
        const { memento } = await store.capture(spot, writer);
        const step = async () => {
          await store.write(spot, one, writer, memento);
          await store.restore(spot, memento, writer, digestOf(one), null);
        };
        await expect(step()).rejects.toMatchObject({
          code: 'KEYTURN_STORE_REFUSED',
          message: expect.stringContaining(`it takes the right ${action},`),
        });
      },
    );
  }
});
