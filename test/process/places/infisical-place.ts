import { startFaultProxy } from '../../engines/fault-proxy.ts';
import { startInfisical } from '../../stores/infisical/stub/stub.ts';
import { makeSecret, project } from '../../stores/infisical/stub/world.ts';
import { newHold, type PlaceUnderTest } from './place-under-test.ts';

const environment = 'prod';
const path = '/payments';

/** A secret of a folder in Infisical, as the stub has it. */
export async function infisicalPlace(): Promise<PlaceUnderTest> {
  const infisical = await startInfisical();
  const proxy = await startFaultProxy(infisical.url);
  const { clientId, clientSecret } = infisical.identity();
  const folder = infisical.world.folder(environment, path);
  const name = (policy: string) => `OPENROUTER_API_KEY_${policy.toUpperCase().replaceAll('-', '_')}`;
  const secret = (policy: string) => folder.secrets.get(name(policy));
  return {
    store: 'infisical',
    declared: {
      kind: 'infisical',
      url: proxy.url,
      project,
      environment,
      path,
      auth: { clientId: { env: 'SHOP_INFISICAL_ID' }, clientSecret: { env: 'SHOP_INFISICAL_SECRET' } },
    },
    env: { SHOP_INFISICAL_ID: clientId, SHOP_INFISICAL_SECRET: clientSecret },
    spotOf: (policy) => ({ name: name(policy), field: null }),
    // A secret that waits for its value, with a person's comment.
    async make(policy) {
      makeSecret(folder, name(policy), '', 'for the shop');
      infisical.world.changed();
    },
    fields: async (policy) => ({ [name(policy)]: secret(policy)?.value }),
    keyIn: async (policy) => secret(policy)?.value || null,
    async all(policy) {
      const { value, comment, tags, metadata } = secret(policy) ?? {};
      return { value, comment, tags, metadata };
    },
    async others(policy) {
      const { comment, tags, metadata } = secret(policy) ?? {};
      return { comment, tags, metadata };
    },
    holdNextLook(policy) {
      const hold = newHold();
      const picks = ({ method, path }: { method: string; path: string }) =>
        method === 'GET' && path.includes(`/secrets/${name(policy)}?`) && hold.arrived();
      proxy.once(picks, { kind: 'held', until: hold.released });
      return hold;
    },
    async close() {
      await proxy.close();
      await infisical.close();
    },
  };
}
