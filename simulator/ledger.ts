import type { Account } from './account.ts';
import type { SimulatedClock } from './clock.ts';
import { type KeyState, stateOf } from './key-record.ts';
import type { Post } from './post-log.ts';

/** What became of one key, from creation on. */
export type LedgerKey = {
  hash: string;
  name: string;
  /** Every name it had, oldest first. */
  names: { name: string; at: string }[];
  workspaceId: string;
  createdAt: string;
  expiresAt: string | null;
  state: KeyState;
  disabledAt: string | null;
  deletedAt: string | null;
  /** Number of the POST /keys that made it. */
  post: number;
  /** Whether the caller was given the whole true answer, with the secret. */
  delivered: boolean;
};

export type Ledger = { keys: LedgerKey[]; posts: Post[] };

/** Every key ever made and every POST /keys ever received, oldest first, to be counted against what a client knows. */
export function ledgerOf(account: Account, clock: SimulatedClock): Ledger {
  const { keys, posts } = account.state;
  return {
    keys: keys.map((key) => ({
      hash: key.hash,
      name: key.name,
      names: structuredClone(key.names),
      workspaceId: key.workspaceId,
      createdAt: key.createdAt,
      expiresAt: key.expiresAt,
      state: stateOf(key, clock.now()),
      disabledAt: key.disabledAt,
      deletedAt: key.deletedAt,
      post: key.post,
      delivered: posts[key.post - 1]?.answer === 'delivered',
    })),
    posts: structuredClone(posts),
  };
}
