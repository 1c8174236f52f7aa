/**
 * What a store can keep, as it is: Keyturn makes up for the rest, or says so. Each is tested by the conformance suite and
 * printed by `keyturn store list`.
 */
export type StorePromises = {
  /** It shows what it holds. Where it never does, a write is believed: `unverified`. */
  readsBack: boolean;
  /** A write is refused where what it was to replace has changed: no update of somebody else is lost. */
  comparesAndSets: boolean;
  /**
   * A write of a rotation that was undone is refused, however late it comes. Where nothing does that, time does: a restore
   * waits until no lost write of the rotation can live any longer (`lostWriteLifeMs`).
   */
  fences: boolean;
  /** It knows which policy a name belongs to. Where it does not, Keyturn leases the spot (docs/architecture.md). */
  owns: boolean;
  /** Former values can be read by their version. */
  versions: boolean;
  /**
   * `version` of what it holds grows with each write, one that puts back included: where it is what it was, nothing was
   * written, and no reader can have seen anything.
   */
  countsWrites: boolean;
  /** How long after a write a read may still show what was before it; milliseconds, 0: never. */
  readsLagMs: number;
  /** When applications have the new value. */
  readersFollow: ReadersFollow;
};

export type ReadersFollow = { at: 'once' } | { at: 'within'; ms: number } | { at: 'restart' } | { at: 'redeploy' };

/**
 * No request of a write leaves later than `sendsForMs` after it was known to be wanted, by the clock of the machine it runs on: a
 * process that was frozen meanwhile sends nothing when it wakes. A request is given up by the client within 10 s, and what
 * a server still carries out after that has ended long before this.
 */
export const sendsForMs = 15_000;
export const requestTimeoutMs = 8_000;
export const lostWriteLifeMs = 60_000;
