import { afterAll, beforeAll } from 'vitest';
import { shareTemporal, type World } from './own-world.ts';
import { rawClients } from './raw-client.ts';

type Begun = {
  shared: Awaited<ReturnType<typeof shareTemporal>>;
  world: World;
  /** Temporal's own clients, past everything that Keyturn's checks. */
  raw: Awaited<ReturnType<typeof rawClients>>;
};

/** One world for all tests of a file, told when it has begun; it is searched and closed after the last. */
export function oneWorld(begun: (here: Begun) => void, dynamicConfig: Parameters<typeof shareTemporal>[0] = {}): void {
  let here: Begun;
  beforeAll(async () => {
    const shared = await shareTemporal(dynamicConfig);
    const world = await shared.newWorld();
    here = { shared, world, raw: await rawClients(world) };
    begun(here);
  });
  afterAll(async () => {
    await here.raw.close();
    await here.world.close();
    await here.shared.close();
  });
}
