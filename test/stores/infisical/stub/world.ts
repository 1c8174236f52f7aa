import { randomUUID } from 'node:crypto';

export type Version = { version: number; key: string; value: string };
export type StubSecret = {
  id: string;
  key: string;
  value: string;
  version: number;
  comment: string;
  tags: { id: string; slug: string; name: string; color: string }[];
  metadata: { key: string; value: string }[];
  rotationId: string | null;
  history: Version[];
};
export type Folder = { secrets: Map<string, StubSecret>; imports: { environment: string; path: string }[] };
/** By environment and path, as `place` joins them. */
export type Folders = Map<string, Folder>;

export type Action = 'describeSecret' | 'readValue' | 'create' | 'edit' | 'delete';
export type Identity = {
  clientId: string;
  clientSecret: string;
  may: Set<Action>;
  isMember: boolean;
  /** What a token of it lives, and how often it is taken; 0: without an end. */
  tokenLifeSeconds: number;
  tokenUses: number;
  failedLogins: number[];
  lockedUntil: number;
};
export type Token = { identity: Identity; expiresAt: number; uses: number; revoked: boolean };

/** `keys`: what it has made at OpenRouter, the published one last. */
export type Rotation = { secretId: string; keys: string[]; runs: boolean; deleted: boolean };

export type Held =
  | { do: 'create'; key: string; value: string; comment: string }
  | { do: 'update'; secretId: string; value: string }
  | { do: 'delete'; secretId: string };
export type ChangeRequest = {
  id: string;
  slug: string;
  status: 'open' | 'close';
  hasMerged: boolean;
  at: string;
  change: Held;
};

export type Settings = {
  /** Which routes there are. */
  generations: Set<'v4' | 'v3'>;
  /** Of an expired token; PR #7443 would make it 401. */
  expiredTokenIs: 401 | 403;
  /** How long a replica takes. */
  lagMs: number;
  /** Without the right to read values: refused, as in Node, or masked, as in Go (facts §4). */
  hiddenValues: 'refused' | 'masked';
  /** An approval policy over everything, which holds machine identities too. */
  approvals: boolean;
  identitiesSeeRequests: boolean;
  /** Of how many former versions a value may not be; 0: no such rule. */
  reuseRule: number;
  perMinute: number;
  retryAfterHeader: boolean;
  /** Whether `?version=` is looked at; it was not before mid-2025. */
  readsVersions: boolean;
};

export type World = ReturnType<typeof createWorld>;

export const project = 'b7c0a1de-0000-4000-8000-000000000001';

/** What Infisical knows: one project, its folders now and as replicas still show them. */
export function createWorld(now: () => number) {
  const settings: Settings = {
    generations: new Set(['v4', 'v3']),
    expiredTokenIs: 403,
    lagMs: 0,
    hiddenValues: 'refused',
    approvals: false,
    identitiesSeeRequests: true,
    reuseRule: 0,
    perMinute: Number.POSITIVE_INFINITY,
    retryAfterHeader: false,
    readsVersions: true,
  };
  const folders: Folders = new Map();
  /** Each state, with when it came about. */
  const states: { since: number; folders: Folders }[] = [];

  const world = {
    now,
    settings,
    folders,
    identities: new Map<string, Identity>(),
    tokens: new Map<string, Token>(),
    requests: new Map<string, ChangeRequest>(),
    rotations: new Map<string, Rotation>(),

    folder(environment: string, path: string): Folder {
      const at = place(environment, path);
      const folder = folders.get(at) ?? { secrets: new Map(), imports: [] };
      folders.set(at, folder);
      world.changed();
      return folder;
    },

    /** To be called after each change, so that replicas can lag behind it. */
    changed(): void {
      states.push({ since: now(), folders: structuredClone(folders) });
      const seen = now() - 60_000;
      while ((states[1]?.since ?? Number.POSITIVE_INFINITY) < seen) states.shift();
    },

    /** As a replica shows it. */
    onReplica(): Folders {
      if (settings.lagMs === 0) return folders;
      const at = now() - settings.lagMs;
      return states.findLast(({ since }) => since <= at)?.folders ?? states[0]?.folders ?? folders;
    },

    secretById(id: string): { folder: Folder; secret: StubSecret } | null {
      for (const folder of folders.values()) {
        for (const secret of folder.secrets.values()) if (secret.id === id) return { folder, secret };
      }
      return null;
    },
  };
  return world;
}

export function place(environment: string, path: string): string {
  return `${environment} ${path}`;
}

/** Trimmed on both sides; one final newline survives (facts §3). */
export function asStored(value: string): string {
  return value.trim() + (value.endsWith('\n') ? '\n' : '');
}

export function makeSecret(folder: Folder, key: string, value: string, comment = ''): StubSecret {
  const stored = asStored(value);
  const secret: StubSecret = {
    id: randomUUID(),
    key,
    value: stored,
    version: 1,
    comment,
    tags: [],
    metadata: [],
    rotationId: null,
    history: [{ version: 1, key, value: stored }],
  };
  folder.secrets.set(key, secret);
  return secret;
}

/** Every update is a version, one that changes nothing too. */
export function updateSecret(secret: StubSecret, value: string | undefined): void {
  if (value !== undefined) secret.value = asStored(value);
  secret.version += 1;
  secret.history.push({ version: secret.version, key: secret.key, value: secret.value });
}
