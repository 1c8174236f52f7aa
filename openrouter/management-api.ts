import type { Secret } from '../secrets/secret.ts';

export type LimitReset = 'daily' | 'weekly' | 'monthly';

/** What a key is made with; USD. `expiresAt` is ISO 8601, UTC, whole seconds (facts §3.1). `workspace` is a uuid. */
export type CreateKeyRequest = {
  name: string;
  limit: number | null;
  limitReset: LimitReset | null;
  includeByokInLimit: boolean;
  workspace: string | null;
  expiresAt: string | null;
};

/** A key as OpenRouter describes it; never holds the secret. */
export type ApiKey = {
  hash: string;
  name: string;
  label: string;
  disabled: boolean;
  limit: number | null;
  limitRemaining: number | null;
  /** An open string: OpenRouter may add values (facts §2). */
  limitReset: string | null;
  includeByokInLimit: boolean;
  usage: number;
  createdAt: string;
  expiresAt: string | null;
  workspaceId: string | null;
};

export type CreatedKey = { secret: Secret; hash: string };

/** `GET /key`: what a secret says of itself. It names no hash (facts §3.6). */
export type CurrentKey = {
  label: string;
  limit: number | null;
  limitReset: string | null;
  includeByokInLimit: boolean;
  isManagementKey: boolean;
  expiresAt: string | null;
  workspaceId: string | null;
};

export type Workspace = { id: string; name: string; slug: string };

/**
 * OpenRouter's management API for one connection: what the steps need of it, so that the simulated world can stand in.
 *
 * Every call throws KeyturnError of the classifier: KEYTURN_OPENROUTER_UNAVAILABLE, KEYTURN_OPENROUTER_RATE_LIMITED,
 * KEYTURN_CONNECTION_REFUSED, KEYTURN_CONNECTION_NOT_MANAGEMENT, KEYTURN_NOT_SENT, KEYTURN_OPENROUTER_REFUSED.
 */
export interface ManagementApi {
  /**
   * Sends POST /keys once, never again (facts §10).
   * @throws KEYTURN_CREATE_AMBIGUOUS the key may exist: time-out, socket error, 5xx, unreadable answer
   */
  createKey(request: CreateKeyRequest): Promise<CreatedKey>;
  /** Every key of a workspace (null: the default one), disabled ones included, scanned to an empty page. */
  listKeys(workspace: string | null): Promise<ApiKey[]>;
  /** null where OpenRouter answers 404. */
  getKey(hash: string): Promise<ApiKey | null>;
  /** @throws KEYTURN_KEY_GONE terminal: 404 */
  patchKey(hash: string, changes: { name?: string; disabled?: boolean }): Promise<ApiKey>;
  /** `absent`: OpenRouter answers 404, as it does to a repeated delete (facts §3.5). */
  deleteKey(hash: string): Promise<'deleted' | 'absent'>;
  /** `GET /key` with `secret` as the bearer. @throws KEYTURN_KEY_NOT_ACCEPTED transient: 401, which proves nothing */
  currentKey(secret: Secret): Promise<CurrentKey>;
  credits(): Promise<{ totalCredits: number; totalUsage: number }>;
  workspaces(): Promise<Workspace[]>;
}
