import { fault, KeyturnError } from '../errors/keyturn-error.ts';
import type { Place } from '../policy/declared/place.ts';
import type { Retirement } from '../policy/life/duty.ts';
import { sealingContext, unseal } from '../secrets/seal.ts';
import { digestOf, type Secret } from '../secrets/secret.ts';
import { type Held, inWords } from '../stores/store.ts';
import type { Tools } from './tools.ts';

/**
 * The proof that a key may go (design §7, I2): no place still holds it, every required one holds its successor, and
 * OpenRouter accepts what they hold. Stores that never show a value are believed, as their writes were accepted; where there
 * are no others, the successor itself is tried.
 *
 * @param works whether the key still works: then the successor's record is asked as well
 * @throws KEYTURN_OLD_KEY_STILL_NEEDED needs-attention
 */
export async function proveReplaced(tools: Tools, retirement: Retirement, works: boolean): Promise<void> {
  const { policy, connection, key, successor } = retirement;
  const kept = (why: string) => fault('KEYTURN_OLD_KEY_STILL_NEEDED', key.generation, why);
  let shown: Secret | null = null;
  for (const place of placesOf(retirement)) {
    const where = `store "${place.store}" (${inWords(place)})`;
    const held = await heldBy(tools, policy, place);
    if (held.kind === 'unreadable') continue;
    const digest = held.kind === 'held' ? digestOf(held.value) : null;
    if (digest === key.digest) throw kept(`${where} still holds it`);
    if (successor === null || !place.required) continue;
    if (held.kind === 'absent') throw kept(`${where} holds no key at all`);
    if (digest !== successor.digest) throw kept(`${where} does not hold key #${successor.generation}`);
    shown = held.value;
  }
  if (successor === null) return;
  const { hash, generation, rotationId, sealed } = successor;
  const context = sealingContext({ policy, rotationId });
  const value = shown ?? (sealed === null ? null : unseal(tools.keyring, sealed, context));
  const api = await tools.openrouter(connection);
  const name = `key #${generation}, which should have replaced it,`;
  // A key that somebody has stopped may still be accepted for minutes; its record tells. That is worth a turn before a
  // service could lose its key. A Keyturn from before kept no copy of the secret: then the record is all there is.
  if (works || value === null) {
    const record = await api.getKey(hash);
    if (record === null) throw kept(`${name} no longer exists`);
    if (record.disabled) throw kept(`${name} is disabled`);
  }
  if (value === null) return;
  try {
    await api.currentKey(value);
  } catch (error) {
    // In an outage every key gets a 401 (facts §7): then the old one is kept, too.
    if (!(error instanceof KeyturnError) || error.code !== 'KEYTURN_KEY_NOT_ACCEPTED') throw error;
    throw kept(`OpenRouter does not accept ${name} (401)`);
  }
}

/** Workflows from before there were places name stores, and the secret that all of them hold. */
function placesOf(told: Retirement | (Retirement & { stores: string[]; secret: string })): Place[] {
  if (!('stores' in told)) return told.places;
  return told.stores.map((store) => ({ store, name: told.secret, field: null, required: true }));
}

/** An optional place that cannot be asked proves nothing, and keeps nothing. */
async function heldBy(tools: Tools, policy: string, { store, name, field, required }: Place): Promise<Held> {
  try {
    return await (await tools.store(store)).read({ name, field }, policy);
  } catch (error) {
    if (required || !(error instanceof KeyturnError)) throw error;
    return { kind: 'unreadable' };
  }
}
