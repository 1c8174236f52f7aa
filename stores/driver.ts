import type { Secret } from '../secrets/secret.ts';
import type { StorePromises } from './promises.ts';
import type { Approval, Memento, Spot, StoreCheck } from './store.ts';

/**
 * What one look at a spot has shown. A driver adds what its next write needs to be refused if anything changes meanwhile:
 * a version, an etag, the container around the field.
 */
export type Seen = {
  /** null: nothing is there. `hidden`: the store never shows it. */
  value: Secret | 'hidden' | null;
  /** Changes with every write to whatever holds the spot; null: the store has no word for it. */
  version: string | null;
  /** What `putBack` needs to put exactly this back. */
  memento: Memento;
};

/** One write, however many requests it takes. */
export type Sending = {
  /** The same for each try of one rotation at one spot: 64 hex digits, for stores that take an idempotency token. */
  token: string;
  /** To be called right before each request that changes something: throws where the write is too old to be sent. */
  mayBeSent: () => void;
};

export type Put = { version: string | null; approval: Approval | null };

/**
 * What is particular about a store: single looks and single writes over what was seen. When to write, to look again or to
 * leave alone is decided in stores/conditional-store.ts, the same for all.
 *
 * Everything that changes something throws
 * - `Moved` where the store refused it because something has changed since `over` was seen,
 * - `InDoubt` where it was sent and no answer tells whether it took effect (time-out, broken connection, 5xx),
 * - a fault where it certainly did not: KEYTURN_STORE_UNAVAILABLE (with the wait that the store asked for), KEYTURN_STORE_REFUSED.
 */
export type Driver<Sight extends Seen = Seen> = {
  name: string;
  kind: string;
  promises: StorePromises;
  addressOf(spot: Spot): Promise<string>;
  check(spot: Spot): Promise<StoreCheck>;
  /** As fresh as the store can answer. @throws KEYTURN_STORE_REFUSED for a spot that is not to be written */
  look(spot: Spot): Promise<Sight>;
  put(spot: Spot, value: Secret, over: Sight, sending: Sending): Promise<Put>;
  /** @param memento of the look that `capture` took */
  putBack(spot: Spot, memento: Memento, over: Sight, sending: Sending): Promise<Put>;
  /** Only the field, where it is one of several or the container was there without it. */
  takeAway(spot: Spot, over: Sight, sending: Sending): Promise<Put>;
  /**
   * Does what is still to be done where a change has taken effect, perhaps long ago, by a process that died right after it.
   * Only where something is: telling those who read the spot.
   * @throws KEYTURN_STORE_UNAVAILABLE and is asked for again, with nothing written a second time
   */
  settle?(spot: Spot): Promise<void>;
  approval?(spot: Spot, approval: Approval): Promise<'open' | 'merged' | 'closed'>;
  close?(): Promise<void>;
};

/** Refused, and nothing done: something has changed since it was seen. */
export class Moved extends Error {
  override readonly name = 'Moved';
}

/** Sent, and perhaps done. `why` completes "its answer was lost: …"; no text of a server. */
export class InDoubt extends Error {
  override readonly name = 'InDoubt';
}
