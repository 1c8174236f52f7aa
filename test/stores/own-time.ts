import { setTimeout as sleep } from 'node:timers/promises';
import { Secret } from '../../secrets/secret.ts';
import type { StoreContext } from '../../stores/kind.ts';

/** What a store is opened with where it has no credentials. */
export const ownTime: Pick<StoreContext, 'secret' | 'time'> = {
  secret: async () => new Secret(''),
  time: { now: Date.now, wait: (ms) => sleep(ms) },
};
