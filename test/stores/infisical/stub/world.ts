import { randomUUID } from 'node:crypto';
import { newSettings } from './settings.ts';

export type Tag = { id: string; slug: string; name: string; color: string };
export type Metadata = { key: string; value: string; isEncrypted?: boolean };
export type Version = { version: number; key: string; value: string };
export type StubSecret = {
  id: string;
  key: string;
  value: string;
  version: number;
  comment: string;
  tags: Tag[];
  metadata: Metadata[];
  skipMultilineEncoding: boolean;
  rotationId: string | null;
  history: Version[];
};
export type Where = { environment: string; path: string };
export type Folder = { secrets: Map<string, StubSecret>; imports: Where[] };
/** By environment and path, as `place` joins them. */
export type Folders = Map<string, Folder>;

export type Action = 'describeSecret' | 'readValue' | 'create' | 'edit' | 'delete';
export type Identity = {
  clientId: string;
  clientSecret: string;
  may: Set<Action>;
  /** Conditions of its role: where, and for which names, it may what it may. null: everywhere. */
  only: ((action: Action, at: Where, name: string) => boolean) | null;
  isMember: boolean;
  /** Its address is on the allow list. */
  comesFromAllowedAddress: boolean;
  /** How often the client secret can be used, a login each; past it, it is revoked for good. 0: without an end. */
  logins: number;
  loggedIn: number;
  /** What a token of it lives, how long renewed ones do, and how often it is taken; 0: without an end. */
  tokenLifeSeconds: number;
  tokenMaxSeconds: number;
  /** Above 0: its tokens can be renewed for ever. */
  tokenPeriodSeconds: number;
  tokenUses: number;
  failedLogins: number[];
  lockedUntil: number;
};
export type Token = { identity: Identity; issuedAt: number; expiresAt: number; uses: number; revoked: boolean };

/** `keys`: what it has made at OpenRouter, the published one last. */
export type Rotation = { secretId: string; keys: string[]; runs: boolean; deleted: boolean };

/** The fields of a write, as far as they were given: one that was left out is kept. */
export type Given = {
  value?: string;
  comment?: string;
  tags?: Tag[];
  metadata?: Metadata[];
  skipMultilineEncoding?: boolean;
  newName?: string;
};
export type Held =
  | { do: 'create'; key: string; given: Given }
  | { do: 'update'; secretId: string; given: Given }
  | { do: 'delete'; secretId: string };
export type ChangeRequest = {
  id: string;
  slug: string;
  status: 'open' | 'close';
  hasMerged: boolean;
  at: Where;
  changes: Held[];
};

export type World = ReturnType<typeof createWorld>;

export const project = 'b7c0a1de-0000-4000-8000-000000000001';

/** What Infisical knows: one project, its folders now and as replicas still show them. */
export function createWorld(now: () => number) {
  const settings = newSettings();
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
    tags: new Map<string, Tag>(),
    /** Called with the keys that a deleted rotation revokes at OpenRouter. */
    onRevoked: (_keys: readonly string[]): void => {},

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
      if (settings.lagReads > 0) {
        settings.lagReads -= 1;
        return states.at(-2)?.folders ?? folders;
      }
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
    skipMultilineEncoding: false,
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
