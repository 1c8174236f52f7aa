import { digestOf, maskOf } from './key-secret.ts';

/** A management key: made in OpenRouter's web UI only, so here by the control endpoint only (facts §1). */
export type ManagementKeyRecord = {
  /** Names the key in the control endpoint; means nothing to the API. */
  id: string;
  digest: string;
  mask: string;
  addedAt: string;
  revokedAt: string | null;
};

export function newManagementKey(secret: string, addedAt: string): ManagementKeyRecord {
  const digest = digestOf(secret);
  return { id: digest.slice(0, 12), digest, mask: maskOf(secret), addedAt, revokedAt: null };
}
