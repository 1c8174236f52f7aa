import { describe, test } from 'vitest';
import { describeStore, type StoreUnderTest } from '../conformance.ts';
import { type BaoWorld, entryAt, startBaoWorld } from './bao-world.ts';

async function under(world: BaoWorld, field: string | null): Promise<StoreUnderTest> {
  const store = await world.open();
  const { api, proxy } = world;
  const isChange = ({ method, path }: { method: string; path: string }) =>
    method !== 'GET' && path.startsWith('/v1/kv/');
  let spots = 0;
  return {
    store,
    freshSpot: async () => {
      const name = `team/app-${++spots} x`;
      if (field !== null) await api('POST', `kv/data/${encodeURI(name)}`, { data: { other: 'stays' } });
      return { name, field };
    },
    async fields() {
      const name = 'shared/entry';
      await api('POST', `kv/data/${name}`, { data: { zebra: '1', number: 12.5, nested: { a: [1] } } });
      await api('POST', `kv/metadata/${name}`, { custom_metadata: { owner: 'platform' } });
      return {
        one: { name, field: 'one' },
        other: { name, field: 'other' },
        besides: async () => {
          const { one: _, other: __, ...rest } = (await entryAt(world, name)) ?? {};
          const { data } = await api('GET', `kv/metadata/${name}`);
          return [rest, (data.data as { custom_metadata: unknown }).custom_metadata];
        },
      };
    },
    valueOf: async (spot) => {
      const entry = await entryAt(world, encodeURI(spot.name));
      return (entry?.[spot.field ?? 'value'] as string | undefined) ?? null;
    },
    tamper: async (spot, value) => {
      const entry = await entryAt(world, encodeURI(spot.name));
      await api('POST', `kv/data/${encodeURI(spot.name)}`, { data: { ...entry, [spot.field ?? 'value']: value } });
    },
    loseNextAnswer: () => proxy.once(isChange, { kind: 'answer lost' }),
    loseNextRequest: () => proxy.once(isChange, { kind: 'request lost' }),
    changesSent: proxy.changes,
    close: world.close,
  };
}

const forms = { 'an entry of its own': null, 'a field beside others': 'openrouterKey' };
for (const [what, field] of Object.entries(forms)) {
  const world = await startBaoWorld();
  if ('unavailable' in world) {
    console.warn(`Not tested: OpenBao, ${what}: ${world.unavailable}`);
    describe.skip(`OpenBao, ${what}`, () => test('on a real server', () => {}));
  } else {
    describeStore(`OpenBao, ${what}`, () => under(world, field));
  }
}
