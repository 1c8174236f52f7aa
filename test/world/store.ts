import { fault } from '../../errors/keyturn-error.ts';
import { Secret } from '../../secrets/secret.ts';
import { Moved, type Seen } from '../../stores/driver.ts';
import type { StorePromises } from '../../stores/promises.ts';
import type { Held } from '../../stores/store.ts';

/** Which secret of which policy. */
export type SecretRef = { policy: string; name: string };
/** A former value, by its version; null: nothing was there. */
export type FencedMemento = { version: number } | null;

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
 * Of which kind a store is goes by its name. `first`, `second`: they know their owners and refuse a late write of an undone
 * rotation, as the local vault does. `blind`: never shows a value. `cas`: takes a write over what was seen only. `weak`:
 * takes any, and shows old values for a while. The last two are drivers with the rules of stores/conditional-store.ts.
 */
export const conditionalPromises: Readonly<Record<string, StorePromises>> = {
  cas: {
    ...{ readsBack: true, comparesAndSets: true, fences: false, owns: false, versions: true, countsWrites: true },
    readsLagMs: 0,
    readersFollow: { at: 'once' },
  },
  weak: {
    ...{ readsBack: true, comparesAndSets: false, fences: false, owns: false, versions: true, countsWrites: true },
    readsLagMs: 10_000,
    readersFollow: { at: 'once' },
  },
};

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

  /** A key is published only once it holds it. */
  readonly isRequired: boolean;

  constructor(
    name: string,
    now: () => number,
    changed: StoreWatcher = () => {},
    { isWriteOnly = false, isRequired = true }: { isWriteOnly?: boolean; isRequired?: boolean } = {},
  ) {
    this.name = name;
    this.isRequired = isRequired;
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
  capture(secret: SecretRef): FencedMemento {
    const current = this.#own(secret)?.current;
    return current ? { version: current.version } : null;
  }

  /** As a driver sees it; `ageMs` ago, if that is shown. */
  look(secretName: string, ageMs: number): Seen {
    const shelf = this.#shelves.get(secretName);
    const at = this.#now() - ageMs;
    const value =
      ageMs === 0 ? (shelf?.current?.value ?? null) : (shelf?.past.findLast(({ from }) => from <= at)?.value ?? null);
    const version = [...(shelf?.versions.values() ?? [])].findLast((one) => one.value === value)?.version ?? 0;
    return { value: value === null ? null : new Secret(value), version: String(version), memento: value };
  }

  /** One write over what was seen; null takes away. `over` null: whatever is there. @throws Moved */
  put(secretName: string, value: string | null, over: Seen | null, by: string): { version: string; approval: null } {
    const shelf = this.#shelves.get(secretName) ?? newShelf('');
    this.#shelves.set(secretName, shelf);
    if (over !== null && this.look(secretName, 0).version !== over.version) throw new Moved(this.name);
    this.#versions += 1;
    const version = value === null ? null : { version: this.#versions, value, rotationId: by, wasCurrent: true };
    if (version !== null) shelf.versions.set(version.version, version);
    this.#show(shelf, version, by);
    return { version: String(version?.version ?? 0), approval: null };
  }

  /** `partly`: the new version is made, but not yet the current one. */
  write(secret: SecretRef, value: string, rotationId: string, partly = false): void {
    const shelf = this.#own(secret) ?? newShelf(secret.policy);
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
    return value === null ? { kind: 'absent' } : { kind: 'held', value: new Secret(value), version: null };
  }

  /** `partly`: the rotation is closed, but its value is still the current one. */
  restore(secret: SecretRef, before: FencedMemento, rotationId: string, partly = false): { shown: boolean } {
    this.#closed.add(closing(secret, rotationId));
    const shelf = this.#shelves.get(secret.name);
    const shown = shelf?.made.get(closing(secret, rotationId))?.wasCurrent ?? false;
    if (shelf === undefined || shelf.owner !== secret.policy || partly) return { shown };
    if (shelf.current?.rotationId !== rotationId) return { shown };
    const former = before === null ? undefined : shelf.versions.get(before.version);
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
    if (this.name in conditionalPromises) this.put(secret.name, value, null, rotationId);
    else this.write(secret, value, rotationId);
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

function newShelf(owner: string): Shelf {
  return { owner, current: null, versions: new Map(), made: new Map(), past: [] };
}

function closing({ policy, name }: SecretRef, rotationId: string): string {
  return `${policy}/${name}/${rotationId}`;
}
