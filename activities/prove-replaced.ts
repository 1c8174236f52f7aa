import { digestOf } from '../codec/secret.ts';
import { fault, KeyturnError } from '../errors/keyturn-error.ts';
import type { KeyRef } from '../policy/state.ts';
import type { Tools } from './tools.ts';

export type Retirement = {
  policy: string;
  connection: string;
  /** The key that is to go. */
  key: KeyRef;
  /** The key that has taken its place; null where the policy is being deleted. */
  successor: KeyRef | null;
  stores: string[];
  secret: string;
};

/**
 * The proof that a key may go (design §7, I2): no store still holds it, every store holds its successor, and OpenRouter
 * accepts what the stores hold.
 *
 * @throws KEYTURN_OLD_KEY_STILL_NEEDED needs-attention
 */
export async function proveReplaced(tools: Tools, retirement: Retirement): Promise<void> {
  const { policy, connection, key, successor, stores, secret } = retirement;
  const kept = (why: string) => fault('KEYTURN_OLD_KEY_STILL_NEEDED', key.generation, why);
  for (const store of stores) {
    const held = await tools.store(store).read({ policy, name: secret });
    if (held.kind === 'unreadable') continue;
    const digest = held.kind === 'held' ? digestOf(held.value) : null;
    if (digest === key.digest) throw kept(`store "${store}" still holds it`);
    if (successor === null) continue;
    if (held.kind === 'absent') throw kept(`store "${store}" holds no key at all`);
    if (digest !== successor.digest) throw kept(`store "${store}" does not hold key #${successor.generation}`);
    const api = await tools.openrouter(connection);
    try {
      await api.currentKey(held.value);
    } catch (error) {
      if (!(error instanceof KeyturnError) || error.code !== 'KEYTURN_KEY_NOT_ACCEPTED') throw error;
      // An outage answers 401 to every key (facts §7). Then this fails as well, and nothing is known of the successor.
      await api.getKey(successor.hash);
      throw kept(`OpenRouter does not accept key #${successor.generation}, which should have replaced it`);
    }
  }
}
