import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { newKeyId } from './keyring-file.ts';

/** The keys that seal and open. One is active; the others only open what was sealed with them before. */
export type Keyring = {
  /** Ask each time: it changes when another key is activated. */
  readonly activeId: string;
  /** AES-256, as a KeyObject: it prints no bytes. undefined: the keyring does not have this id. */
  key(id: string): KeyObject | undefined;
  /** The same, after a look at whether it was added meanwhile, where that takes a while. */
  find?(id: string): Promise<KeyObject | undefined>;
};

/** A keyring with one fresh key that is kept nowhere: what it seals is lost with the process. */
export function freshKeyring(): Keyring {
  const activeId = newKeyId();
  const key = createSecretKey(randomBytes(32));
  return { activeId, key: (id) => (id === activeId ? key : undefined) };
}
