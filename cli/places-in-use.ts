import { fewAtOnce } from '../client/few-at-once.ts';
import { KeyturnError } from '../errors/keyturn-error.ts';
import type { PlaceRef } from '../policy/declared/place.ts';
import { exitCodeOf } from './failure.ts';
import { withKeyturn } from './with-keyturn.ts';

export type PlaceInUse = PlaceRef & { policy: string };

/** Every place that a policy writes. */
export async function placesInUse(): Promise<PlaceInUse[]> {
  const found: PlaceInUse[] = [];
  await withKeyturn(async (keyturn) => {
    await fewAtOnce(await keyturn.list(), async ({ name }) => {
      const { policy } = await keyturn.status(name);
      for (const place of policy?.secret.places ?? []) found.push({ ...place, policy: name });
    });
  });
  return found.sort((a, b) => (a.policy < b.policy ? -1 : 1));
}

/** Which policies write to which store; null where nobody is there to be asked. */
export async function policiesByStore(): Promise<Map<string, string[]> | null> {
  try {
    const places = await placesInUse();
    return new Map(
      [...Map.groupBy(places, ({ store }) => store)].map(([store, of]) => [
        store,
        [...new Set(of.map(({ policy }) => policy))],
      ]),
    );
  } catch (error) {
    if (error instanceof KeyturnError && exitCodeOf(error.code) === 5) return null;
    throw error;
  }
}
