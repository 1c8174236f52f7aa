import type { Secret } from '../secrets/secret.ts';
import type { StorePromises } from './promises.ts';

/** What a store calls the secret and, where that holds several, one field of it. */
export type Spot = { name: string; field: string | null };

/**
 * For whom. A rotation writes one value to a spot, and no other rotation has its id. `since`: when the write was wanted for
 * certain, by the clock of this machine, in milliseconds; where it is left out, when it begins.
 */
export type Writer = { policy: string; rotationId: string; since?: number };

/** Plain JSON that only its store understands. It may hold a value: it leaves the worker sealed, never as it is. */
export type Memento = null | boolean | number | string | Memento[] | { [name: string]: Memento };

/** `unreadable`: the store never shows a value, so nothing can be proven by it. */
export type Held =
  | { kind: 'held'; value: Secret; version: string | null }
  | { kind: 'absent' }
  | { kind: 'unreadable' };

/** What stood there before a write. `note`: what a person reads beside the step ("version 3"); no value. */
export type Captured = { memento: Memento; note: string };

/** A write that somebody has to approve: nothing was stored yet, and it may be at any time while the request is open. */
export type Approval = { id: string; url: string };

/** `version`: what the store calls the value it holds now, where it has a word for that. */
export type Written = { version: string | null; approval: Approval | null };

/**
 * `restored`: the spot holds what it held before. `left`: it holds what neither this rotation wrote nor was there before;
 * that is somebody else's, and stays. `waits`: putting it back has to be approved.
 * `shown`: readers may have had the rotation's value; where a store cannot tell, it says so.
 */
export type Restored = { end: 'restored' | 'left' | 'waits'; shown: boolean; approval: Approval | null };

/** One thing that Keyturn has to be allowed. `granted` null: the store does not tell without a change being made. */
export type Right = { right: string; to: string; granted: boolean | null };

export type StoreCheck = {
  rights: Right[];
  /** Why the spot is not to be written at all ("it is owned by a rotation of AWS; …"); null: it may be. */
  refusal: string | null;
  /** What a person should know, each a sentence. */
  warnings: string[];
};

/**
 * A service where applications read secrets, as keyturn.yaml declares it. All keep this contract, and one suite checks
 * them all (test/stores/conformance.ts). Most are a `Driver` with the rules of stores/conditional-store.ts around it.
 *
 * No call sends a write twice because its answer was lost; every one may be repeated by the caller, and ends as if it had
 * been made once.
 *
 * @throws KEYTURN_STORE_UNAVAILABLE transient
 * @throws KEYTURN_STORE_REFUSED terminal: not allowed, not there, or not to be written, with what to do
 * @throws KEYTURN_SECRET_OWNED terminal: the name belongs to another policy
 */
export interface Store {
  readonly name: string;
  readonly kind: string;
  readonly promises: StorePromises;
  /**
   * The spot's address in the world: the same for two declared stores that lead to the same service. Nothing secret.
   * null: it needs none, as the store knows its owners.
   */
  addressOf(spot: Spot): Promise<string | null>;
  /** Whether everything below would be allowed. Changes nothing. */
  check(spot: Spot, policy: string): Promise<StoreCheck>;
  /**
   * What the spot holds, enough to put it back exactly. Never from a cache or a lagging replica: what it answers is put
   * back, and must not be a key revoked long ago.
   */
  capture(spot: Spot, writer: Writer): Promise<Captured>;
  /**
   * Makes `value` the one that applications read, over what `before` says. The same rotation twice is one write.
   *
   * @throws KEYTURN_STORE_CLOSED terminal: the rotation was restored already; this write comes from a lost worker
   * @throws KEYTURN_PLACE_CHANGED terminal: it holds neither what `before` says nor `value`
   */
  write(spot: Spot, value: Secret, writer: Writer, before: Memento): Promise<Written>;
  read(spot: Spot, policy: string): Promise<Held>;
  /**
   * Puts back what `capture` saw, while the spot holds the rotation's value. Idempotent.
   * @param ours digest of the rotation's value
   * @param approval of the write, or of an earlier try of this
   * @throws KEYTURN_APPROVAL_OPEN needs-attention: an open request could still publish the rotation's value
   */
  restore(spot: Spot, before: Memento, writer: Writer, ours: string, approval: Approval | null): Promise<Restored>;
  /**
   * Takes the secret out, where it is one of `ours` (digests), and frees the name. Idempotent.
   * `left`: it holds somebody else's value, which stays.
   */
  remove(spot: Spot, policy: string, ours: readonly string[]): Promise<'removed' | 'left'>;
  /** How a request of `write` or `restore` stands. Only where those answer one. */
  approval?(spot: Spot, approval: Approval): Promise<'open' | 'merged' | 'closed'>;
  /** Gives up connections, tokens and timers. */
  close?(): Promise<void>;
}

/** As people name it: `prod/checkout, field openrouterKey`. */
export function inWords({ name, field }: Spot): string {
  return field === null ? name : `${name}, field ${field}`;
}
