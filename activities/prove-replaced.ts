import { fault, KeyturnError } from '../errors/keyturn-error.ts';
import type { Retirement } from '../policy/life/duty.ts';
import { sealingContext, unseal } from '../secrets/seal.ts';
import { digestOf, type Secret } from '../secrets/secret.ts';
import type { Tools } from './tools.ts';

/**
 * The proof that a key may go (design §7, I2): no store still holds it, every store holds its successor, and OpenRouter
 * accepts what the stores hold. Stores that never show a value are believed, as their writes were accepted; where there
 * are no others, the successor itself is tried.
 *
 * @param works whether the key still works: then the successor's record is asked as well
 * @throws KEYTURN_OLD_KEY_STILL_NEEDED needs-attention
 */
export async function proveReplaced(tools: Tools, retirement: Retirement, works: boolean): Promise<void> {
  const { policy, connection, key, successor, stores, secret } = retirement;
  const kept = (why: string) => fault('KEYTURN_OLD_KEY_STILL_NEEDED', key.generation, why);
  let shown: Secret | null = null;
  for (const store of stores) {
    const held = await tools.store(store).read({ policy, name: secret });
    if (held.kind === 'unreadable') continue;
    const digest = held.kind === 'held' ? digestOf(held.value) : null;
    if (digest === key.digest) throw kept(`store "${store}" still holds it`);
    if (successor === null) continue;
    if (held.kind === 'absent') throw kept(`store "${store}" holds no key at all`);
    if (digest !== successor.digest) throw kept(`store "${store}" does not hold key #${successor.generation}`);
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
