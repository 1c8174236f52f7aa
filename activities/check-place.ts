import { fault, KeyturnError } from '../errors/keyturn-error.ts';
import type { At } from '../policy/life/duty.ts';
import { formatDuration } from '../policy/time/duration.ts';
import type { ReadersFollow } from '../stores/promises.ts';
import { inWords, type Store } from '../stores/store.ts';
import { spotOf } from './place-at.ts';
import type { Tools } from './tools.ts';

export type CheckedPlace = {
  /** It holds a value. */
  isHeld: boolean;
  warnings: string[];
};

/**
 * Whether the place could be written, as far as its store can tell. One that is not required, or that does not answer, is
 * only warned of.
 */
export async function checkPlace(
  tools: Tools,
  place: At & { required: boolean },
  graceMs: number,
): Promise<CheckedPlace> {
  const spot = spotOf(place);
  const where = `${place.store} ${inWords(spot)}`;
  const store = await tools.store(place.store);
  try {
    const { rights, refusal, warnings } = await store.check(spot, place.policy);
    const missing = rights.filter(({ granted }) => granted === false).map(({ right }) => right);
    if (missing.length > 0) throw fault('KEYTURN_STORE_REFUSED', place.store, inWords(spot), lacks(missing));
    if (refusal !== null) throw fault('KEYTURN_STORE_REFUSED', place.store, inWords(spot), refusal);
    const isHeld = (await store.read(spot, place.policy)).kind === 'held';
    const slow = slowReaders(store, graceMs);
    return { isHeld, warnings: [...warnings, ...slow].map((warning) => `${where}: ${warning}`) };
  } catch (error) {
    const passes = error instanceof KeyturnError && (!place.required || error.kind === 'transient');
    if (!passes) throw error;
    return { isHeld: false, warnings: [`${where}: ${error.message}`] };
  }
}

function lacks(missing: readonly string[]): string {
  return `it lacks ${missing.length === 1 ? 'the right' : 'the rights'} ${missing.join(', ')}`;
}

/** A reader that has not followed by the end of the grace holds a key that no longer works. */
function slowReaders({ kind, promises }: Store, graceMs: number): string[] {
  const { readersFollow } = promises;
  const grace = `the grace of ${formatDuration(graceMs)}`;
  const words: Record<ReadersFollow['at'], string | null> = {
    once: null,
    within:
      readersFollow.at === 'within' && graceMs < readersFollow.ms
        ? `readers of a ${kind} store follow within ${formatDuration(readersFollow.ms)}, longer than ${grace}`
        : null,
    restart: `readers take a new key when they are restarted: that must be within ${grace}`,
    redeploy: `readers take a new key when they are deployed again: that must be within ${grace}`,
  };
  const word = words[readersFollow.at];
  return word === null ? [] : [`${word}.`];
}

/** From now on no other policy may write it. @throws KEYTURN_PLACE_LEASED */
export async function claim({ store, leases }: Tools, place: At): Promise<void> {
  const spot = spotOf(place);
  const address = await (await store(place.store)).addressOf(spot);
  if (address === null) return;
  const owner = await leases.claim({ address, field: spot.field }, place.policy);
  if (owner !== null) throw fault('KEYTURN_PLACE_LEASED', inWords(spot), place.store, owner);
}
