import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { withoutField } from '../../../stores/json-field.ts';
import type { Call } from '../../stores/aws/aws-proxy.ts';
import { openAwsWorld, region } from '../../stores/aws/aws-world.ts';
import { labelsOf, textOf } from '../../stores/aws-secrets-manager/application.ts';
import { newHold, type PlaceUnderTest } from './place-under-test.ts';

const field = 'openrouterKey';
const others = '{ "database": "postgres://shop",  "n": 1.0 }';

/** One field of a JSON secret in AWS Secrets Manager (moto). */
export async function awsPlace(): Promise<PlaceUnderTest | { unavailable: string }> {
  const world = await openAwsWorld();
  if ('unavailable' in world) return world;
  const { secrets, proxy } = world;
  const name = (policy: string) => `prod/${policy}`;
  const text = async (policy: string) => (await textOf(secrets, name(policy))) ?? '';
  const fields = async (policy: string) => JSON.parse(await text(policy)) as Record<string, unknown>;
  return {
    store: 'aws',
    declared: {
      kind: 'aws-secrets-manager',
      region,
      endpoint: proxy.url,
      accessKeyId: { env: 'SHOP_AWS_ID' },
      secretAccessKey: { env: 'SHOP_AWS_KEY' },
    },
    env: { SHOP_AWS_ID: 'keyturn', SHOP_AWS_KEY: 'its-secret-key' },
    spotOf: (policy) => ({ name: name(policy), field }),
    async make(policy) {
      await secrets.send(new CreateSecretCommand({ Name: name(policy), SecretString: others }));
    },
    fields,
    async keyIn(policy) {
      const held = (await fields(policy))[field];
      return typeof held === 'string' ? held : null;
    },
    async all(policy) {
      const { AWSCURRENT, AWSPREVIOUS } = await labelsOf(secrets, name(policy));
      return { text: await text(policy), AWSCURRENT, AWSPREVIOUS };
    },
    others: async (policy) => withoutField(await text(policy), field),
    holdNextLook(policy) {
      const hold = newHold();
      const happens = async () => {
        hold.arrived();
        await hold.released;
      };
      const picks = ({ action, input }: Call) => action === 'GetSecretValue' && input.SecretId === name(policy);
      proxy.once(picks, { kind: 'after', happens });
      return hold;
    },
    close: world.close,
  };
}
