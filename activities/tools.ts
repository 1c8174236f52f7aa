import type { Keyring } from '../keyring/keyring.ts';
import type { ManagementApi } from '../openrouter/management-api.ts';
import type { Lease } from '../stores/lease.ts';
import type { Store } from '../stores/store.ts';

/** What the steps work with. The worker hands in the real ones, the simulated world its own. */
export type Tools = {
  /** @throws KEYTURN_CONNECTION_UNKNOWN names the known ones */
  openrouter: (connection: string) => Promise<ManagementApi>;
  /** @throws KEYTURN_STORE_UNKNOWN names the known ones */
  store: (name: string) => Promise<Store>;
  leases: Leases;
  /** Rejects where Temporal has given up the attempt that asks: another one may have begun, or the rotation be undone. */
  stillOurs: () => Promise<void>;
  keyring: Keyring;
  settings: StepSettings;
  /** Milliseconds since the epoch. */
  now: () => number;
  wait: (ms: number) => Promise<void>;
  /**
   * The same without holding the step's place meanwhile: in the worker the step begins anew afterwards, with what it did
   * by `once` known.
   */
  giveWay: (ms: number) => Promise<void>;
  /** Does a part of a step that is not done again where the step has to begin anew. Its result is plain JSON, no secret. */
  once: <Result>(what: string, work: () => Promise<Result>) => Promise<Result>;
};

/** Who may write where, over all workers: a place belongs to one policy at a time. */
export type Leases = {
  /** The policy that has it already; null: it is `policy`'s now. */
  claim: (lease: Lease, policy: string) => Promise<string | null>;
  release: (lease: Lease, policy: string) => Promise<void>;
};

export type StepSettings = {
  /**
   * A new key is published after this many accepted `GET /key` in a row, asked every `intervalMs`, and given up after
   * `deadlineMs`. OpenRouter states no time within which a new key is known everywhere (facts §8).
   */
  verify: { consecutive: number; intervalMs: number; deadlineMs: number };
  /** When, counted from the first look, a key whose answer was lost is looked for: a late request may still arrive. */
  reapLooksMs: number[];
};

/** For the live service. Facts §12: require several accepted answers, over minutes where they flap. */
export const liveSettings: StepSettings = {
  verify: { consecutive: 5, intervalMs: 3_000, deadlineMs: 5 * 60_000 },
  reapLooksMs: [0, 5_000, 15_000, 30_000, 60_000, 120_000],
};

/** For the simulator, where a person watches: the same steps with shorter waits. */
export const simulatorSettings: StepSettings = {
  verify: { consecutive: 3, intervalMs: 150, deadlineMs: 60_000 },
  reapLooksMs: [0, 500, 1_500, 3_000],
};
