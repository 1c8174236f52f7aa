import type { Author, WorldKey } from './openrouter.ts';

/** Until when a store has shown a secret; null: it still does. */
type Shown = { until: number | null };

/**
 * I9, for every reader that there could be: one that reads any store at any time, and keeps what it read for less than
 * the grace, never holds a key that does not work. The worst of them reads at the last moment.
 */
export class Readers {
  readonly #now: () => number;
  /** What each store shows, and what each secret was shown by. */
  readonly #showing = new Map<string, string | null>();
  readonly #shown = new Map<string, Map<string, Shown>>();
  /** The graces of the policy, newest last. */
  readonly #graces: { at: number; ms: number }[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** `byRemoval`: the policy is being deleted, and its secret with it: no reader is promised anything by that. */
  storeShows(store: string, value: string | null, byRemoval: boolean): void {
    const now = this.#now();
    const before = this.#showing.get(store);
    if (before && byRemoval) this.#shown.get(before)?.delete(store);
    else if (before) this.#shown.get(before)?.set(store, { until: now });
    this.#showing.set(store, value);
    if (value === null) return;
    const places = this.#shown.get(value) ?? new Map<string, Shown>();
    places.set(store, { until: null });
    this.#shown.set(value, places);
  }

  graceIs(ms: number): void {
    this.#graces.push({ at: this.#now(), ms });
  }

  /** Why a reader would hold a dead key, if `key` stopped now; null where none could. */
  harmedBy(key: WorldKey, author: Author): string | null {
    if (author.by === 'outside') return null;
    const now = this.#now();
    for (const [store, { until }] of this.#shown.get(key.secret) ?? []) {
      const lastMs = until ?? now;
      const keptMs = this.#shortestGrace(lastMs - longestRotationMs) - graceCutMs;
      if (now - lastMs < keptMs) return `store ${store} showed it ${Math.round((now - lastMs) / 60_000)} min ago`;
    }
    return null;
  }

  /** A rotation goes by the grace that was declared when it began. */
  #shortestGrace(since: number): number {
    const before = this.#graces.findLast(({ at }) => at <= since);
    const inForce = [...(before === undefined ? [] : [before]), ...this.#graces.filter(({ at }) => at > since)];
    return Math.min(...inForce.map(({ ms }) => ms));
  }
}

/** Two stores with the patience of activity-options.ts for each, and worker down times. */
const longestRotationMs = 48 * 3_600_000;
/** A scheduled run ends a grace that has no more than this to go (policy/life/retiring.ts). */
const graceCutMs = 2 * 3_600_000;
