import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import { ApiError } from './api-error.ts';
import type { SimulatedClock } from './clock.ts';
import { type KeyRecord, newKeyRecord } from './key-record.ts';
import { digestOf, maskOf, mintSecret } from './key-secret.ts';
import { type ManagementKeyRecord, newManagementKey } from './management-key.ts';
import type { Post } from './post-log.ts';
import type { createKeySchema, patchKeySchema } from './request-schemas.ts';
import type { Settings } from './settings.ts';
import { type Amount, countDue, rounded, spendAt } from './spend.ts';
import { newWorkspace, type WorkspaceRecord } from './workspace.ts';

/** What is kept from one start to the next. Plain JSON, no secret in it. */
export type AccountState = {
  userId: string;
  credits: { bought: number; used: number };
  defaultWorkspaceId: string;
  workspaces: WorkspaceRecord[];
  managementKeys: ManagementKeyRecord[];
  /** Oldest first, deleted ones too. */
  keys: KeyRecord[];
  posts: Post[];
};

/**
 * One OpenRouter account and its rules. Knows nothing of HTTP, injections or credentials: an operation that comes this
 * far takes effect.
 */
export class Account {
  readonly state: AccountState;
  #clock: SimulatedClock;
  #settings: Settings;
  #byHash: Map<string, KeyRecord>;
  #byDigest: Map<string, KeyRecord>;

  constructor(clock: SimulatedClock, settings: Settings, saved?: AccountState) {
    this.#clock = clock;
    this.#settings = settings;
    this.state = saved ?? freshAccount(clock);
    this.#byHash = new Map(this.state.keys.map((key) => [key.hash, key]));
    this.#byDigest = new Map(this.state.keys.map((key) => [key.digest, key]));
  }

  createKey(asked: z.infer<typeof createKeySchema>, post: Post): { key: KeyRecord; secret: string } {
    const workspaceId = asked.workspace_id ?? this.state.defaultWorkspaceId;
    this.requireWorkspace(workspaceId);
    const secret = mintSecret();
    const key = newKeyRecord({
      hash: randomBytes(32).toString('hex'),
      digest: digestOf(secret),
      mask: maskOf(secret),
      name: asked.name,
      limit: asked.limit ?? null,
      limitReset: asked.limit_reset ?? null,
      includeByokInLimit: asked.include_byok_in_limit ?? false,
      createdAt: this.#clock.stamp(),
      expiresAt: asked.expires_at ? withOffset(asked.expires_at) : null,
      creatorUserId: asked.creator_user_id ?? this.state.userId,
      workspaceId,
      externalUser: asked.external?.user ?? null,
      post: post.number,
    });
    this.#access(key, true);
    this.state.keys.push(key);
    this.#byHash.set(key.hash, key);
    this.#byDigest.set(key.digest, key);
    return { key, secret };
  }

  /** Newest first: what a page of GET /keys is cut from. */
  listKeys(workspaceId: string, includeDisabled: boolean): KeyRecord[] {
    return this.state.keys
      .filter((key) => key.workspaceId === workspaceId && key.deletedAt === null && (includeDisabled || !key.disabled))
      .reverse();
  }

  patchKey(hash: string, asked: z.infer<typeof patchKeySchema>): KeyRecord {
    const key = this.existingKey(hash);
    key.updatedAt = this.#clock.stamp();
    if (asked.name !== undefined && asked.name !== key.name) {
      key.name = asked.name;
      key.names.push({ name: asked.name, at: key.updatedAt });
    }
    if (asked.limit !== undefined) key.limit = asked.limit;
    if (asked.limit_reset !== undefined) key.limitReset = asked.limit_reset;
    if (asked.include_byok_in_limit !== undefined) key.includeByokInLimit = asked.include_byok_in_limit;
    if (asked.disabled !== undefined && asked.disabled !== key.disabled) {
      key.disabled = asked.disabled;
      key.disabledAt = asked.disabled ? key.updatedAt : null;
      this.#access(key, !asked.disabled);
    }
    return key;
  }

  deleteKey(hash: string): void {
    const key = this.existingKey(hash);
    key.deletedAt = this.#clock.stamp();
    this.#access(key, false);
  }

  existingKey(hash: string): KeyRecord {
    const key = this.#byHash.get(hash);
    if (!key || key.deletedAt !== null) throw new ApiError(404, 'Resource not found');
    return this.counted(key);
  }

  /** The key of a secret's digest, deleted or not. */
  keyOfDigest(digest: string): KeyRecord | undefined {
    return this.#byDigest.get(digest);
  }

  /** Accepts a management key as it was: one that is known already stays as it is, revoked or not. */
  acceptManagementKey(secret: string): void {
    const digest = digestOf(secret);
    if (!this.state.managementKeys.some((key) => key.digest === digest)) this.addManagementKey(secret);
  }

  /** Accepts a secret as a management key; one that was accepted and revoked before is accepted again. */
  addManagementKey(secret: string): ManagementKeyRecord {
    const key = newManagementKey(secret, this.#clock.stamp());
    this.state.managementKeys = [...this.state.managementKeys.filter((each) => each.id !== key.id), key];
    return key;
  }

  requireWorkspace(id: string): WorkspaceRecord {
    const workspace = this.state.workspaces.find((each) => each.id === id);
    if (!workspace) throw new ApiError(400, 'workspace_id: Workspace not found');
    return workspace;
  }

  addWorkspace(given: Pick<WorkspaceRecord, 'name' | 'slug' | 'monthlyBudget'>): WorkspaceRecord {
    const workspace = newWorkspace({ ...given, createdAt: this.#clock.stamp(), createdBy: this.state.userId });
    this.state.workspaces.push(workspace);
    return workspace;
  }

  /** Books a spend; counters show it after `countedAfterMs`. */
  spend(key: KeyRecord, amount: Amount, atMs: number, countedAfterMs = 0): void {
    spendAt(key.spend, amount, atMs, this.#clock.now() + countedAfterMs);
    this.counted(key);
  }

  /** The key with every spend counted that is due by now. */
  counted(key: KeyRecord): KeyRecord {
    const { credits } = countDue(key.spend, this.#clock.now());
    this.state.credits.used = rounded(this.state.credits.used + credits);
    return key;
  }

  /** Brings the account's total up to date: credits are spent by every key, deleted ones too. */
  countAll(): void {
    for (const key of this.state.keys) this.counted(key);
  }

  #access(key: KeyRecord, accepted: boolean): void {
    const { newKeyMs, oldKeyMs, edges } = this.#settings.propagation;
    key.access.push({ atMs: this.#clock.now(), accepted, delayMs: accepted ? newKeyMs : oldKeyMs, edges });
  }
}

function freshAccount(clock: SimulatedClock): AccountState {
  const userId = `user_${randomBytes(14).toString('hex').slice(0, 27)}`;
  const workspace = newWorkspace({
    name: 'Default Workspace',
    slug: 'default',
    createdAt: clock.stamp(),
    createdBy: userId,
    monthlyBudget: null,
  });
  return {
    userId,
    credits: { bought: 1000, used: 0 },
    defaultWorkspaceId: workspace.id,
    workspaces: [workspace],
    managementKeys: [],
    keys: [],
    posts: [],
  };
}

/** `2027-02-21T00:00:00Z` comes back as `2027-02-21T00:00:00+00:00` (facts §2). */
function withOffset(utc: string): string {
  return utc.replace(/Z$/, '+00:00');
}
