import { fault } from '../errors/keyturn-error.ts';
import type { HeldKey, KeyringContent } from './keyring-file.ts';

/**
 * How long after it was active a key is kept in any case: a step that began while it was may still be under way, and
 * what it sealed is then neither in the vault nor in a history where it could be found.
 */
const stillUnderWayMs = 60_000;

/** Adds a key, which only opens until it is activated. */
export function withKey(content: KeyringContent, id: string, key: HeldKey, now: Date): KeyringContent {
  return {
    ...content,
    keys: { ...content.keys, [id]: key },
    madeAt: { ...content.madeAt, [id]: now.toISOString() },
  };
}

/** @throws KEYTURN_KEYRING_KEY_UNKNOWN */
export function withActive(content: KeyringContent, id: string, now: Date): KeyringContent {
  requireKey(content, id);
  if (content.activeId === id) return content;
  const { [id]: _, ...activeUntil } = content.activeUntil;
  return { ...content, activeId: id, activeUntil: { ...activeUntil, [content.activeId]: now.toISOString() } };
}

/** @throws KEYTURN_KEYRING_KEY_UNKNOWN, KEYTURN_KEYRING_KEY_NEEDED it is active, or was a moment ago */
export function withoutKey(content: KeyringContent, id: string, now: Date): KeyringContent {
  requireKey(content, id);
  if (content.activeId === id) throw fault('KEYTURN_KEYRING_KEY_NEEDED', id, 'it is the active key');
  const until = content.activeUntil[id];
  const leftMs = until === undefined ? 0 : Date.parse(until) + stillUnderWayMs - now.getTime();
  if (leftMs > 0) {
    const wait = `it was active until ${until}, and steps that began then may go on for ${Math.ceil(leftMs / 1000)} s`;
    throw fault('KEYTURN_KEYRING_KEY_NEEDED', id, wait);
  }
  const without = <Value>({ [id]: _, ...others }: Record<string, Value>) => others;
  const { keys, madeAt, activeUntil } = content;
  return { ...content, keys: without(keys), madeAt: without(madeAt), activeUntil: without(activeUntil) };
}

/**
 * The keys of both; the active one stays. For a keyring that was recovered where another had been begun meanwhile.
 *
 * @throws KEYTURN_KEYRING_INVALID both have a key of one id, and not the same
 */
export function merged(held: KeyringContent, recovered: KeyringContent): KeyringContent {
  for (const [id, key] of Object.entries(recovered.keys)) {
    const there = held.keys[id];
    if (there !== undefined && JSON.stringify(there) !== JSON.stringify(key)) {
      throw fault('KEYTURN_KEYRING_INVALID', `it has another key ${id} than the one to be recovered`);
    }
  }
  return {
    ...held,
    keys: { ...recovered.keys, ...held.keys },
    madeAt: { ...recovered.madeAt, ...held.madeAt },
    activeUntil: held.activeUntil,
  };
}

/** @throws KEYTURN_KEYRING_KEY_UNKNOWN */
export function requireKey(content: KeyringContent, id: string): HeldKey {
  const key = Object.hasOwn(content.keys, id) ? content.keys[id] : undefined;
  if (key === undefined) throw fault('KEYTURN_KEYRING_KEY_UNKNOWN', id, Object.keys(content.keys));
  return key;
}
