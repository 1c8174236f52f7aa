import { noSpend, rounded, type Spend, type Usage, usageOf } from './spend.ts';

/** A change of what the key may do, and how long the news of it travels. */
export type AccessChange = { atMs: number; accepted: boolean; delayMs: number; edges: number };

/** Everything the simulator knows of a key, deleted ones included. Of the secret: its digest and the mask. */
export type KeyRecord = {
  hash: string;
  digest: string;
  mask: string;
  name: string;
  names: { name: string; at: string }[];
  disabled: boolean;
  limit: number | null;
  limitReset: LimitReset | null;
  includeByokInLimit: boolean;
  createdAt: string;
  updatedAt: string | null;
  expiresAt: string | null;
  creatorUserId: string | null;
  workspaceId: string;
  externalUser: string | null;
  disabledAt: string | null;
  deletedAt: string | null;
  /** Number of the POST /keys that made it. */
  post: number;
  access: AccessChange[];
  spend: Spend;
};

export type LimitReset = 'daily' | 'weekly' | 'monthly';

export type KeyState = 'live' | 'disabled' | 'deleted' | 'expired';

/** What a new key starts with, before anything has happened to it. */
type Unused = 'names' | 'disabled' | 'updatedAt' | 'disabledAt' | 'deletedAt' | 'access' | 'spend';

/** Keys start with nothing spent and nothing changed; the rest is given. */
export function newKeyRecord(given: Omit<KeyRecord, Unused>): KeyRecord {
  return {
    ...given,
    names: [{ name: given.name, at: given.createdAt }],
    disabled: false,
    updatedAt: null,
    disabledAt: null,
    deletedAt: null,
    access: [],
    spend: noSpend(),
  };
}

/** The truth, whatever edges still believe. */
export function stateOf(key: KeyRecord, nowMs: number): KeyState {
  if (key.deletedAt !== null) return 'deleted';
  if (key.disabled) return 'disabled';
  return isExpired(key, nowMs) ? 'expired' : 'live';
}

export function isExpired(key: KeyRecord, nowMs: number): boolean {
  return key.expiresAt !== null && Date.parse(key.expiresAt) <= nowMs;
}

/** Whether the given edge has heard that the key works: the newest change whose news has arrived there. */
export function acceptedAt(key: KeyRecord, edge: number, nowMs: number): boolean {
  const arrived = key.access.findLast(({ atMs, delayMs, edges }) => {
    const share = edges === 1 ? 1 : (edge % edges) / (edges - 1);
    return atMs + delayMs * share <= nowMs;
  });
  return arrived?.accepted ?? false;
}

/** Facts §8: the limit less the usage of its window, not clamped after an overspend. Null where uncapped. */
export function limitRemaining(key: KeyRecord, nowMs: number): number | null {
  if (key.limit === null) return null;
  const window: keyof Usage = key.limitReset ?? 'total';
  const credits = usageOf(key.spend, 'credits', nowMs)[window];
  const byok = key.includeByokInLimit ? usageOf(key.spend, 'byok', nowMs)[window] : 0;
  return rounded(key.limit - credits - byok);
}
