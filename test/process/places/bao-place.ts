import { entryAt, startBaoWorld } from '../../stores/vault-kv/bao-world.ts';
import { newHold, type PlaceUnderTest } from './place-under-test.ts';

const field = 'openrouterKey';

/** A field beside others in an entry of OpenBao. */
export async function baoPlace(): Promise<PlaceUnderTest | { unavailable: string }> {
  const world = await startBaoWorld().catch((error: Error) => ({ unavailable: `OpenBao: ${error.message}` }));
  if ('unavailable' in world) return world;
  const { bao, proxy, api } = world;
  const name = (policy: string) => `shop/${policy}`;
  const entry = async (policy: string) => (await entryAt(world, name(policy))) ?? {};
  const custom = async (policy: string) => {
    const { data } = await api('GET', `kv/metadata/${name(policy)}`);
    return (data.data as { custom_metadata: unknown }).custom_metadata;
  };
  return {
    store: 'bao',
    declared: { kind: 'vault', address: proxy.url, mount: 'kv', auth: { token: { env: 'SHOP_BAO_TOKEN' } } },
    env: { SHOP_BAO_TOKEN: bao.rootToken },
    spotOf: (policy) => ({ name: name(policy), field }),
    async make(policy) {
      await api('POST', `kv/data/${name(policy)}`, { data: { zebra: '1', number: 12.5, nested: { a: [1] } } });
      await api('POST', `kv/metadata/${name(policy)}`, { custom_metadata: { owner: 'platform' } });
    },
    fields: entry,
    keyIn: async (policy) => ((await entry(policy))[field] as string | undefined) ?? null,
    all: async (policy) => ({ entry: await entry(policy), custom: await custom(policy) }),
    async others(policy) {
      const { [field]: _, ...rest } = await entry(policy);
      return [rest, await custom(policy)];
    },
    holdNextLook(policy) {
      const hold = newHold();
      const picks = ({ method, path }: { method: string; path: string }) =>
        method === 'GET' && path === `/v1/kv/data/${name(policy)}` && hold.arrived();
      proxy.once(picks, { kind: 'held', until: hold.released });
      return hold;
    },
    close: world.close,
  };
}
