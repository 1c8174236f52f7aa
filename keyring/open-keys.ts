import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Keyring } from './keyring.ts';
import type { KeyringContent, WrappedKey } from './keyring-file.ts';
import { unwrapKey } from './kms-keyring.ts';

/** Keys by id; those that KMS has still to unwrap are missing. */
export type Keys = Map<string, KeyObject>;

/** All keys of the content, unwrapped where that is needed. @throws KEYTURN_KMS_FAILED */
export async function openKeys(content: KeyringContent): Promise<Keys> {
  const keys = plainKeys(content);
  await Promise.all(
    wrappedKeys(content).map(async ([id, wrapped]) => keys.set(id, keyFrom(await unwrapKey(id, wrapped)))),
  );
  return keys;
}

/** Keys that are exchanged for those of a later content while they are in use. */
export type ExchangeableKeys = Keyring & {
  /** `isLatest`: whether no later content has come, asked once KMS has answered. @throws KEYTURN_KMS_FAILED */
  exchange(content: KeyringContent, isLatest: () => boolean): Promise<void>;
};

/** @param first the keys of `content`, all open */
export function exchangeableKeys(content: KeyringContent, first: Keys): ExchangeableKeys {
  let { activeId } = content;
  let keys = first;

  const use = (next: KeyringContent, itsKeys: Keys) => {
    // KMS may not have unwrapped the new active key yet: until then the one from before is used, whatever became of it.
    const active = itsKeys.get(next.activeId) ?? keys.get(activeId);
    if (itsKeys.has(next.activeId)) activeId = next.activeId;
    keys = active === undefined ? itsKeys : itsKeys.set(activeId, active);
  };

  return {
    get activeId() {
      return activeId;
    },
    key: (id) => keys.get(id),
    async exchange(next, isLatest) {
      const itsKeys = plainKeys(next);
      const missing = [];
      for (const [id, wrapped] of wrappedKeys(next)) {
        const known = keys.get(id);
        if (known) itsKeys.set(id, known);
        else missing.push([id, wrapped] as const);
      }
      use(next, itsKeys);
      for (const [id, wrapped] of missing) itsKeys.set(id, keyFrom(await unwrapKey(id, wrapped)));
      if (missing.length > 0 && isLatest()) use(next, itsKeys);
    },
  };
}

/** Looks again and again, until nobody has the keyring any more. */
export function lookingWhileUsed(everyMs: number, look: () => void, keyring: Keyring): Keyring {
  const used = new WeakRef(keyring);
  const timer = setInterval(() => (used.deref() ? look() : clearInterval(timer)), everyMs);
  timer.unref();
  return keyring;
}

function plainKeys({ keys }: KeyringContent): Keys {
  const plain = Object.entries(keys).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return new Map(plain.map(([id, encoded]) => [id, keyFrom(Buffer.from(encoded, 'base64'))]));
}

function wrappedKeys({ keys }: KeyringContent): [string, WrappedKey][] {
  return Object.entries(keys).filter((entry): entry is [string, WrappedKey] => typeof entry[1] !== 'string');
}

/** A KeyObject prints no bytes; those it was made from are overwritten. */
function keyFrom(bytes: Buffer): KeyObject {
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}
