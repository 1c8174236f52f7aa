import { randomUUID } from 'node:crypto';
import { DescribeParametersCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { afterAll, describe, test } from 'vitest';
import { awsParameterStore } from '../../../stores/aws-parameter-store/kind.ts';
import { fieldIn, withField } from '../../../stores/json-field.ts';
import type { Spot } from '../../../stores/store.ts';
import { isChange } from '../aws/aws-proxy.ts';
import { openAwsWorld } from '../aws/aws-world.ts';
import { describeStore, type StoreUnderTest } from '../conformance.ts';
import { textOf, writeAsStranger } from './application.ts';

const world = await openAwsWorld();
if ('unavailable' in world) console.warn(`Not tested: AWS SSM Parameter Store. ${world.unavailable}`);
afterAll(() => ('unavailable' in world ? undefined : world.close()));

const before = '{\n  "user" : "u",\n  "rate": 1.50e3,\n  "nested": {"openrouterKey": "not this"}\n}\n';

/** `inField`: each spot is a field of a parameter that holds others. */
async function underTest(inField: boolean): Promise<StoreUnderTest> {
  if ('unavailable' in world) throw new Error(world.unavailable);
  const { parameters, proxy } = world;
  const create = async () => {
    const name = `/prod/${randomUUID()}`;
    const like = { Type: 'SecureString', Tier: 'Advanced', KeyId: 'alias/ours', Description: 'of checkout' } as const;
    await parameters.send(new PutParameterCommand({ Name: name, Value: before, ...like }));
    return name;
  };
  return {
    store: await world.open(awsParameterStore),
    async freshSpot() {
      return inField
        ? { name: await create(), field: 'openrouterKey' }
        : { name: `/prod/${randomUUID()}`, field: null };
    },
    async fields() {
      const name = await create();
      return {
        one: { name, field: 'one' },
        other: { name, field: 'other' },
        async besides() {
          const filter = { Key: 'Name', Option: 'Equals', Values: [name] };
          const { Parameters } = await parameters.send(new DescribeParametersCommand({ ParameterFilters: [filter] }));
          const { Version, LastModifiedDate, ...described } = Parameters?.[0] ?? {};
          const { one, other, ...others } = JSON.parse((await textOf(parameters, name)) ?? '') as Record<
            string,
            unknown
          >;
          return { described, others };
        },
      };
    },
    async valueOf({ name, field }: Spot) {
      const text = await textOf(parameters, name);
      return text === null || field === null ? text : (fieldIn(text, field)?.value ?? null);
    },
    async tamper({ name, field }: Spot, value: string) {
      const text = field === null ? value : withField((await textOf(parameters, name)) ?? '{}', field, value);
      await writeAsStranger(parameters, name, text);
    },
    loseNextAnswer: () => proxy.once(isChange, { kind: 'answer lost' }),
    loseNextRequest: () => proxy.once(isChange, { kind: 'lost' }),
    changesSent: proxy.changes,
  };
}

if ('unavailable' in world) {
  describe('AWS SSM Parameter Store', () => test.skip('needs moto', () => {}));
} else {
  describeStore('AWS SSM Parameter Store, a whole parameter', () => underTest(false));
  describeStore('AWS SSM Parameter Store, a field', () => underTest(true));
}
