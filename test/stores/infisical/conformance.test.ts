import { describeStore, type StoreUnderTest } from '../conformance.ts';
import { openUnder } from './store-under-test.ts';

for (const generation of ['v4', 'v3'] as const) {
  for (const lagMs of [0, 4_000]) {
    const replicas = lagMs === 0 ? '' : ', its replicas behind';
    describeStore(`Infisical, ${generation}${replicas}`, async (): Promise<StoreUnderTest> => {
      const under = await openUnder();
      const { infisical, store } = under;
      infisical.world.settings.generations = new Set([generation]);
      infisical.world.settings.lagMs = lagMs;
      return {
        store,
        freshSpot: () => under.spot(),
        valueOf: async (spot) => under.valueOf(spot),
        tamper: async (spot, value) => under.set(spot, value),
        loseNextAnswer: () => infisical.next({ do: 'lose answer' }),
        loseNextRequest: () => infisical.next({ do: 'lose request' }),
        changesSent: () => infisical.changes().length,
        close: under.close,
      };
    });
  }
}
