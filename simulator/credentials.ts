import type { Account } from './account.ts';
import { ApiError } from './api-error.ts';
import type { SimulatedClock } from './clock.ts';
import { acceptedAt, isExpired, type KeyRecord } from './key-record.ts';
import { digestOf } from './key-secret.ts';
import type { ManagementKeyRecord } from './management-key.ts';
import type { Outage } from './outage.ts';
import type { Settings } from './settings.ts';

export type Credential = { kind: 'management'; key: ManagementKeyRecord } | { kind: 'inference'; key: KeyRecord };

export type Credentials = {
  /** Any valid credential. */
  any(authorization: string | undefined): Credential;
  management(authorization: string | undefined): ManagementKeyRecord;
  inference(authorization: string | undefined): KeyRecord;
};

/**
 * Says who calls, or refuses in the bytes of facts §7: unknown, deleted, disabled, expired and not known here yet are
 * all `401 User not found.`.
 */
export function createCredentials(
  account: Account,
  settings: Settings,
  outage: Outage,
  clock: SimulatedClock,
): Credentials {
  /** How often each key was shown: successive calls meet successive edges. */
  const calls = new Map<string, number>();

  function any(authorization: string | undefined): Credential {
    const secret = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (secret === undefined) throw new ApiError(401, 'Missing Authentication header');
    outage.check();
    const digest = digestOf(secret);
    const managementKey = account.state.managementKeys.find((key) => key.digest === digest && key.revokedAt === null);
    if (managementKey) return { kind: 'management', key: managementKey };
    const key = account.keyOfDigest(digest);
    if (key && !isExpired(key, clock.now()) && acceptedAt(key, nextEdge(digest), clock.now())) {
      return { kind: 'inference', key: account.counted(key) };
    }
    throw new ApiError(401, 'User not found.');
  }

  function nextEdge(digest: string): number {
    const edge = calls.get(digest) ?? 0;
    calls.set(digest, edge + 1);
    return edge;
  }

  return {
    any,
    management(authorization) {
      const caller = any(authorization);
      if (caller.kind === 'management') return caller.key;
      if (settings.variants.wrongKind === 401) throw new ApiError(401, 'User not found.');
      throw new ApiError(403, 'Only management keys can perform this operation');
    },
    inference(authorization) {
      const caller = any(authorization);
      if (caller.kind === 'inference') return caller.key;
      throw new ApiError(401, 'User not found.');
    },
  };
}
