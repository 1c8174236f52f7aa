import type { Memento } from '../policy/life/state.ts';
import type { Secret } from '../secrets/secret.ts';

/** Which secret of which policy. A secret has one owner: two policies never write the same name in one store. */
export type SecretRef = { policy: string; name: string };

/** What a store holds now. `unreadable`: the store never shows a value (write-only), so nothing can be proven by it. */
export type Held = { kind: 'held'; value: Secret } | { kind: 'absent' } | { kind: 'unreadable' };

/**
 * A place where applications read the secret. All stores keep these promises; one test suite checks them all.
 *
 * @throws KEYTURN_STORE_UNAVAILABLE transient
 * @throws KEYTURN_SECRET_OWNED terminal: the name belongs to another policy
 */
export interface SecretStore {
  readonly name: string;
  /** Everything below would be allowed for this secret. Changes nothing. */
  check(secret: SecretRef): Promise<void>;
  /** Never from a cache or a lagging replica: what it answers is put back, and must not be a key revoked long ago. */
  capture(secret: SecretRef): Promise<Memento>;
  /**
   * Makes `value` the current one. The same rotation id twice is one write.
   * @throws KEYTURN_STORE_CLOSED terminal: the rotation was restored already; this write comes from a lost worker
   */
  write(secret: SecretRef, value: Secret, rotationId: string): Promise<void>;
  read(secret: SecretRef): Promise<Held>;
  /**
   * Puts back what `capture` saw and closes the rotation, so that a late write of it changes nothing.
   * Does nothing to the value where another rotation has written since. Idempotent.
   * `shown`: readers may have had the rotation's value; where a store cannot tell, it says so.
   */
  restore(secret: SecretRef, before: Memento, rotationId: string): Promise<{ shown: boolean }>;
  /** Removes the secret and its former versions, and frees its name. Idempotent. */
  remove(secret: SecretRef): Promise<void>;
}
