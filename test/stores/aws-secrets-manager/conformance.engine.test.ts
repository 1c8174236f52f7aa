import { randomUUID } from 'node:crypto';
import { CreateSecretCommand, DescribeSecretCommand } from '@aws-sdk/client-secrets-manager';
import { afterAll, describe, test } from 'vitest';
import { awsSecretsManager } from '../../../stores/aws-secrets-manager/kind.ts';
import { fieldIn, withField } from '../../../stores/json-field.ts';
import type { Spot } from '../../../stores/store.ts';
import { isChange } from '../aws/aws-proxy.ts';
import { openAwsWorld } from '../aws/aws-world.ts';
import { describeStore, type StoreUnderTest } from '../conformance.ts';
import { textOf, writeAsStranger } from './application.ts';

const world = await openAwsWorld();
if ('unavailable' in world) console.warn(`Not tested: AWS Secrets Manager. ${world.unavailable}`);
afterAll(() => ('unavailable' in world ? undefined : world.close()));

const before = '{\n  "user" : "u",\n  "rate": 1.50e3,\n  "nested": {"openrouterKey": "not this"}\n}\n';

/** `inField`: each spot is a field of a secret that holds others. */
async function underTest(inField: boolean): Promise<StoreUnderTest> {
  if ('unavailable' in world) throw new Error(world.unavailable);
  const { secrets, proxy } = world;
  const create = async () => {
    const name = `prod/${randomUUID()}`;
    const Tags = [{ Key: 'team', Value: 'checkout' }];
    await secrets.send(new CreateSecretCommand({ Name: name, SecretString: before, Tags, KmsKeyId: 'alias/ours' }));
    return name;
  };
  return {
    store: await world.open(awsSecretsManager),
    async freshSpot() {
      return inField ? { name: await create(), field: 'openrouterKey' } : { name: `prod/${randomUUID()}`, field: null };
    },
    async fields() {
      const name = await create();
      return {
        one: { name, field: 'one' },
        other: { name, field: 'other' },
        async besides() {
          const { Tags, KmsKeyId, Description } = await secrets.send(new DescribeSecretCommand({ SecretId: name }));
          const { one, other, ...others } = JSON.parse((await textOf(secrets, name)) ?? '') as Record<string, unknown>;
          return { Tags, KmsKeyId, Description, others };
        },
      };
    },
    async valueOf({ name, field }: Spot) {
      const text = await textOf(secrets, name);
      return text === null || field === null ? text : (fieldIn(text, field)?.value ?? null);
    },
    async tamper({ name, field }: Spot, value: string) {
      const text = field === null ? value : withField((await textOf(secrets, name)) ?? '{}', field, value);
      await writeAsStranger(secrets, name, text);
    },
    loseNextAnswer: () => proxy.once(isChange, { kind: 'answer lost' }),
    loseNextRequest: () => proxy.once(isChange, { kind: 'lost' }),
    changesSent: proxy.changes,
  };
}

if ('unavailable' in world) {
  describe('AWS Secrets Manager', () => test.skip('needs moto', () => {}));
} else {
  describeStore('AWS Secrets Manager, a whole secret', () => underTest(false));
  describeStore('AWS Secrets Manager, a field', () => underTest(true));
}
