import { fault } from '../../errors/keyturn-error.ts';
import type { ApiKey, CreatedKey, CreateKeyRequest, CurrentKey } from '../../openrouter/management-api.ts';
import { Secret } from '../../secrets/secret.ts';
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

export type WorldKey = {
  readonly hash: string;
  readonly secret: string;
  readonly createdAt: number;
  /** Somebody else's, in the same account: Keyturn must never touch it. */
  readonly isBystander: boolean;
  /** When the step that asked for it was started. */
  readonly askedAt: number;
  readonly settings: CreateKeyRequest;
  /** What its record says all its life. */
  readonly record: Omit<ApiKey, 'name' | 'disabled'>;
  /** From when each of OpenRouter's edges accepts it (facts §8: nothing is promised). */
  readonly knownFrom: number[];
  name: string;
  disabledAt: number | null;
  /** Until when edges still accept it once it was disabled or deleted. */
  lingersUntil: number;
  deletedAt: number | null;
};

/** Who changed something. `since`: when the step that did it was started. */
/** `since`: when its step began; `sees`: what it reads may be as old as this. */
export type Author =
  | { readonly by: 'keyturn'; readonly since: number; readonly sees: number }
  | { readonly by: 'outside' };

/** Told of every change, just before it takes effect. */
export type UpstreamWatcher = {
  created(key: WorldKey): void;
  stopping(key: WorldKey, author: Author): void;
  stopped(key: WorldKey): void;
};

export type Propagation = { edges: number; newKeyMs: () => number; oldKeyMs: () => number };

/** The longest that `oldKeyMs` says. */
export const longestLingerMs = 5 * 60_000;

/** How it is answered: 401 for every credential, 5xx for every request (facts §7, the outages of February 2026). */
export type Outage = { kind: '401' | '5xx'; untilMs: number };

export type PlantedKey = Pick<WorldKey, 'hash' | 'secret' | 'name' | 'createdAt' | 'disabledAt'>;

/** Those of the plain policy (plain-policy.ts). */
const plainSettings = { limit: null, limitReset: null, includeByokInLimit: false, expiresAt: null, workspace: null };

/** Longer than any list or record is old. */
const deletedKeptMs = 3_600_000;

/**
 * OpenRouter's side: what is true there. Every call is one moment; how long the way to it takes, and what is lost on
 * it, is the matter of wire.ts.
 */
export class OpenRouter {
  outage: Outage = { kind: '5xx', untilMs: 0 };
  readonly keys = new Map<string, WorldKey>();
  readonly #bySecret = new Map<string, WorldKey>();
  readonly #live = new Set<WorldKey>();
  /** Deleted keys, oldest first: a stale list may still show them for a while. */
  readonly #deleted: WorldKey[] = [];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #propagation: Propagation;
  readonly #watcher: UpstreamWatcher;

  constructor(world: { clock: Clock; random: Random; propagation: Propagation; watcher: UpstreamWatcher }) {
    this.#clock = world.clock;
    this.#random = world.random;
    this.#propagation = world.propagation;
    this.#watcher = world.watcher;
  }

  /** A key from before this world began: every edge knows it. */
  plant({ hash, secret, name, createdAt, disabledAt }: PlantedKey): void {
    const { limit, limitReset, includeByokInLimit, expiresAt, workspace } = plainSettings;
    const at = new Date(createdAt).toISOString();
    const settings = { limit, limitReset, includeByokInLimit, expiresAt };
    const seen = { label: secret.slice(0, 12), limitRemaining: limit, usage: 0, createdAt: at, workspaceId: workspace };
    const key: WorldKey = {
      hash,
      secret,
      createdAt,
      isBystander: false,
      askedAt: createdAt,
      settings: { ...settings, name, workspace },
      record: { hash, ...settings, ...seen },
      knownFrom: [createdAt],
      name,
      disabledAt,
      lingersUntil: 0,
      deletedAt: null,
    };
    this.keys.set(hash, key);
    this.#bySecret.set(secret, key);
    if (disabledAt === null) this.#live.add(key);
  }

  /** Keyturn's keys that can spend: neither disabled nor deleted. */
  live(): readonly WorldKey[] {
    return [...this.#live].filter(({ isBystander }) => !isBystander);
  }

  /** Keys that look as if they were Keyturn's: the same name, a marker of another policy. */
  plantBystanders(names: readonly string[]): void {
    const settings = { limit: null, limitReset: null, includeByokInLimit: false, workspace: null, expiresAt: null };
    for (const name of names) this.create({ ...settings, name }, this.#clock.now(), true);
  }

  keyOf(secret: string): WorldKey | undefined {
    return this.#bySecret.get(secret);
  }

  /** Whether an application that uses it is served, whichever edge it meets. */
  works(key: WorldKey): boolean {
    const now = this.#clock.now();
    return this.#live.has(key) && !isExpired(key, now) && key.knownFrom.every((from) => from <= now);
  }

  outageNow(): Outage['kind'] | null {
    return this.#clock.now() < this.outage.untilMs ? this.outage.kind : null;
  }

  create(settings: CreateKeyRequest, askedAt: number, isBystander = false): CreatedKey {
    const now = this.#clock.now();
    const { edges, newKeyMs } = this.#propagation;
    const hash = this.#random.hex(64);
    const secret = `sk-or-v1-${this.#random.hex(64)}`;
    const { limit, limitReset, includeByokInLimit, expiresAt, workspace } = settings;
    const key: WorldKey = {
      hash,
      secret,
      createdAt: now,
      isBystander,
      askedAt,
      settings,
      record: {
        hash,
        label: secret.slice(0, 12),
        limit,
        limitRemaining: limit,
        limitReset,
        includeByokInLimit,
        usage: 0,
        createdAt: this.#clock.instant(),
        expiresAt,
        workspaceId: workspace,
      },
      knownFrom: Array.from({ length: edges }, () => now + newKeyMs()),
      name: settings.name,
      disabledAt: null,
      lingersUntil: 0,
      deletedAt: null,
    };
    this.keys.set(key.hash, key);
    this.#bySecret.set(key.secret, key);
    this.#live.add(key);
    if (!isBystander) this.#watcher.created(key);
    return { secret: new Secret(key.secret), hash: key.hash };
  }

  /** As it was `ageMs` ago: lists and records may be old. */
  list(workspace: string | null, ageMs: number): ApiKey[] {
    const at = this.#clock.now() - ageMs;
    return [...this.keys.values()]
      .filter((key) => key.settings.workspace === workspace && isThere(key, at))
      .map((key) => described(key, at));
  }

  get(hash: string, ageMs: number): ApiKey | null {
    const at = this.#clock.now() - ageMs;
    const key = this.keys.get(hash);
    return key === undefined || !isThere(key, at) ? null : described(key, at);
  }

  patch(hash: string, changes: { name?: string; disabled?: boolean }, author: Author): ApiKey {
    const key = this.#existing(hash);
    if (key === undefined) throw fault('KEYTURN_KEY_GONE', hash);
    if (changes.name !== undefined) key.name = changes.name;
    if (changes.disabled === true && key.disabledAt === null) {
      this.#watcher.stopping(key, author);
      key.disabledAt = this.#clock.now();
      this.#stop(key);
    }
    return described(key, this.#clock.now());
  }

  /** A repeated delete answers 404 (facts §3.5). */
  delete(hash: string, author: Author): 'deleted' | 'absent' {
    const key = this.#existing(hash);
    if (key === undefined) return 'absent';
    this.#watcher.stopping(key, author);
    key.deletedAt = this.#clock.now();
    this.#stop(key);
    this.#deleted.push(key);
    this.#forget();
    return 'deleted';
  }

  /** `edge`: which of OpenRouter's edges is asked; each learns of a key's life and death in its own time. */
  current(secret: Secret, edge: number): CurrentKey {
    const key = this.#bySecret.get(secret.reveal());
    const now = this.#clock.now();
    const known = key !== undefined && (key.knownFrom[edge % key.knownFrom.length] ?? now) <= now;
    if (!known || isExpired(key, now) || !(this.#live.has(key) || now < key.lingersUntil)) {
      throw fault('KEYTURN_KEY_NOT_ACCEPTED', 'it answers 401');
    }
    const { label, limit, limitReset, includeByokInLimit, expiresAt, workspaceId } = key.record;
    return { label, limit, limitReset, includeByokInLimit, isManagementKey: false, expiresAt, workspaceId };
  }

  #existing(hash: string): WorldKey | undefined {
    const key = this.keys.get(hash);
    return key?.deletedAt === null ? key : undefined;
  }

  #forget(): void {
    for (;;) {
      const [first] = this.#deleted;
      if (first === undefined || (first.deletedAt ?? 0) > this.#clock.now() - deletedKeptMs) return;
      this.#deleted.shift();
      this.keys.delete(first.hash);
      this.#bySecret.delete(first.secret);
    }
  }

  #stop(key: WorldKey): void {
    if (!this.#live.delete(key)) return;
    key.lingersUntil = this.#clock.now() + this.#propagation.oldKeyMs();
    this.#watcher.stopped(key);
  }
}

function isThere(key: WorldKey, at: number): boolean {
  return key.createdAt <= at && (key.deletedAt === null || key.deletedAt > at);
}

function isExpired(key: WorldKey, now: number): boolean {
  return key.settings.expiresAt !== null && Date.parse(key.settings.expiresAt) <= now;
}

function described(key: WorldKey, at: number): ApiKey {
  return { ...key.record, name: key.name, disabled: key.disabledAt !== null && key.disabledAt <= at };
}
