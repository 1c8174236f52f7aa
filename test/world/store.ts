import { fault } from '../../errors/keyturn-error.ts';
import type { Memento } from '../../policy/life/state.ts';
import { Secret } from '../../secrets/secret.ts';
import type { Held, SecretRef, SecretStore } from '../../stores/secret-store.ts';

type Version = { version: number; value: string; rotationId: string; wasCurrent: boolean };
type Shelf = {
  owner: string;
  /** null: nothing is held. */
  current: Version | null;
  versions: Map<number, Version>;
  /** The version that each rotation of each policy made. */
  made: Map<string, Version>;
  /** What was current when, oldest first; what a stale read shows. */
  past: { from: number; value: string | null }[];
};

/** Told after the value that applications read has changed. `by`: a rotation's id, or who else did it. */
export type StoreWatcher = (change: { store: string; value: string | null; by: string }) => void;

const pastKept = 8;

/**
 * A store with versions of which one is current, as secret managers have them. Every call is one moment; delays,
 * losses and partial effects are the matter of wire.ts.
 */
export class MemoryStore {
  readonly name: string;
  /** It never shows a value to Keyturn; applications read it. */
  readonly isWriteOnly: boolean;
  unavailableUntilMs = 0;
  readonly #shelves = new Map<string, Shelf>();
  readonly #closed = new Set<string>();
  readonly #now: () => number;
  readonly #changed: StoreWatcher;
  #versions = 0;

  constructor(name: string, now: () => number, changed: StoreWatcher = () => {}, isWriteOnly = false) {
    this.name = name;
    this.isWriteOnly = isWriteOnly;
    this.#now = now;
    this.#changed = changed;
  }

  /** What applications read now. */
  valueOf(secretName: string): string | null {
    return this.#shelves.get(secretName)?.current?.value ?? null;
  }

  check(secret: SecretRef): void {
    this.#own(secret);
  }

  /** Never old, unlike `read`: an old answer would make `restore` put back a key that was revoked since. */
  capture(secret: SecretRef): Memento {
    const current = this.#own(secret)?.current;
    return current ? { kind: 'version', version: current.version } : { kind: 'absent' };
  }

  /** `partly`: the new version is made, but not yet the current one. */
  write(secret: SecretRef, value: string, rotationId: string, partly = false): void {
    const shelf = this.#own(secret) ?? {
      owner: secret.policy,
      current: null,
      versions: new Map(),
      made: new Map(),
      past: [],
    };
    const rotation = closing(secret, rotationId);
    if (this.#closed.has(rotation)) throw fault('KEYTURN_STORE_CLOSED', rotationId);
    shelf.owner = secret.policy;
    this.#shelves.set(secret.name, shelf);
    let version = shelf.made.get(rotation);
    if (version?.wasCurrent) return;
    if (version === undefined) {
      this.#versions += 1;
      version = { version: this.#versions, value, rotationId, wasCurrent: false };
      shelf.versions.set(version.version, version);
      shelf.made.set(rotation, version);
    }
    if (!partly) this.#show(shelf, version, rotationId);
  }

  /** As it was `ageMs` ago. */
  read(secret: SecretRef, ageMs = 0): Held {
    const shelf = this.#own(secret);
    const at = this.#now() - ageMs;
    if (this.isWriteOnly) return { kind: 'unreadable' };
    const value = shelf?.past.findLast(({ from }) => from <= at)?.value ?? null;
    return value === null ? { kind: 'absent' } : { kind: 'held', value: new Secret(value) };
  }

  /** `partly`: the rotation is closed, but its value is still the current one. */
  restore(secret: SecretRef, before: Memento, rotationId: string, partly = false): { shown: boolean } {
    this.#closed.add(closing(secret, rotationId));
    const shelf = this.#shelves.get(secret.name);
    const shown = shelf?.made.get(closing(secret, rotationId))?.wasCurrent ?? false;
    if (shelf === undefined || shelf.owner !== secret.policy || partly) return { shown };
    if (shelf.current?.rotationId !== rotationId) return { shown };
    const former = before.kind === 'version' ? shelf.versions.get(before.version) : undefined;
    this.#show(shelf, former ?? null, `undo of ${rotationId}`);
    return { shown };
  }

  remove(secret: SecretRef): void {
    const shelf = this.#shelves.get(secret.name);
    if (shelf === undefined || shelf.owner !== secret.policy) return;
    for (const rotation of shelf.made.keys()) this.#closed.add(rotation);
    shelf.made.clear();
    shelf.versions.clear();
    this.#show(shelf, null, 'removal');
  }

  /** It holds this from before the world began. */
  plant(secret: SecretRef, value: string, rotationId: string): void {
    this.write(secret, value, rotationId);
  }

  /** Somebody else writes to it. */
  tamper(secretName: string, value: string): void {
    const shelf = this.#shelves.get(secretName);
    if (shelf === undefined) return;
    this.#versions += 1;
    const version = { version: this.#versions, value, rotationId: `stranger ${this.#versions}`, wasCurrent: false };
    shelf.versions.set(version.version, version);
    this.#show(shelf, version, 'a stranger');
  }

  /** And takes away again what they wrote. */
  takeAway(secretName: string): void {
    const shelf = this.#shelves.get(secretName);
    if (shelf !== undefined) this.#show(shelf, null, 'a stranger');
  }

  #own(secret: SecretRef): Shelf | undefined {
    const shelf = this.#shelves.get(secret.name);
    if (shelf !== undefined && shelf.current !== null && shelf.owner !== secret.policy) {
      throw fault('KEYTURN_SECRET_OWNED', secret.name, this.name, shelf.owner);
    }
    return shelf;
  }

  #show(shelf: Shelf, version: Version | null, by: string): void {
    if (version !== null) version.wasCurrent = true;
    shelf.current = version;
    shelf.past.push({ from: this.#now(), value: version?.value ?? null });
    if (shelf.past.length > pastKept) shelf.past.shift();
    this.#changed({ store: this.name, value: version?.value ?? null, by });
  }
}

/** The store as the steps see it, with nothing in between. */
export function asSecretStore(store: MemoryStore): SecretStore {
  return {
    name: store.name,
    check: async (secret) => store.check(secret),
    capture: async (secret) => store.capture(secret),
    write: async (secret, value, rotationId) => store.write(secret, value.reveal(), rotationId),
    read: async (secret) => store.read(secret),
    restore: async (secret, before, rotationId) => store.restore(secret, before, rotationId),
    remove: async (secret) => store.remove(secret),
  };
}

function closing({ policy, name }: SecretRef, rotationId: string): string {
  return `${policy}/${name}/${rotationId}`;
}
