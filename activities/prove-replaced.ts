import { fault, KeyturnError } from '../errors/keyturn-error.ts';
import type { KeyRef } from '../policy/life/state.ts';
import { sealingContext, unseal } from '../secrets/seal.ts';
import { digestOf, type Secret } from '../secrets/secret.ts';
import type { Tools } from './tools.ts';

export type Retirement = {
  policy: string;
  connection: string;
  /** The key that is to go. */
  key: KeyRef;
  /** The key that has taken its place; null where the policy is being deleted. `sealed` for its rotation. */
  successor: (KeyRef & { rotationId: string; sealed: string | null }) | null;
  stores: string[];
  secret: string;
};

/**
 * The proof that a key may go (design §7, I2): no store still holds it, every store holds its successor, and OpenRouter
 * accepts what the stores hold. Stores that never show a value are believed, as their writes were accepted; where there
 * are no others, the successor itself is tried.
 *
 * @throws KEYTURN_OLD_KEY_STILL_NEEDED needs-attention
 */
export async function proveReplaced(tools: Tools, retirement: Retirement): Promise<void> {
  const { policy, connection, key, successor, stores, secret } = retirement;
  const kept = (why: string) => fault('KEYTURN_OLD_KEY_STILL_NEEDED', key.generation, why);
  let isProven = successor === null;
  for (const store of stores) {
    const held = await tools.store(store).read({ policy, name: secret });
    if (held.kind === 'unreadable') continue;
    const digest = held.kind === 'held' ? digestOf(held.value) : null;
    if (digest === key.digest) throw kept(`store "${store}" still holds it`);
    if (successor === null) continue;
    if (held.kind === 'absent') throw kept(`store "${store}" holds no key at all`);
    if (digest !== successor.digest) throw kept(`store "${store}" does not hold key #${successor.generation}`);
    await proveWorks(tools, connection, held.value, successor, kept);
    isProven = true;
  }
  if (successor === null || isProven) return;
  const { rotationId, sealed } = successor;
  const context = sealingContext({ policy, rotationId });
  await proveWorks(tools, connection, sealed === null ? null : unseal(tools.keyring, sealed, context), successor, kept);
}

type Kept = (why: string) => KeyturnError;

/**
 * The key itself is asked, which costs the connection no turn. In an outage every key gets a 401 (facts §7): then the old
 * one is kept, too. One that somebody has stopped may still be accepted for minutes; its record would tell, at the price
 * of a turn for each key that goes, and grace and quarantine are far longer.
 */
async function proveWorks(tools: Tools, connection: string, value: Secret | null, successor: KeyRef, kept: Kept) {
  const api = await tools.openrouter(connection);
  const name = `key #${successor.generation}, which should have replaced it,`;
  if (value === null) {
    // A Keyturn from before kept no copy of it: its record is all there is.
    const record = await api.getKey(successor.hash);
    if (record === null) throw kept(`${name} no longer exists`);
    if (record.disabled) throw kept(`${name} is disabled`);
    return;
  }
  try {
    await api.currentKey(value);
  } catch (error) {
    if (!(error instanceof KeyturnError) || error.code !== 'KEYTURN_KEY_NOT_ACCEPTED') throw error;
    throw kept(`OpenRouter does not accept ${name} (401)`);
  }
}
