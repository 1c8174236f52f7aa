import { EventEmitter, once } from 'node:events';
import { type InjectionRule, type InjectionRuleInput, injectionRuleSchema, type Operation } from './injection-rule.ts';

export type InjectionStatus = {
  id: number;
  rule: InjectionRule;
  /** Requests it has hit. */
  hits: number;
  /** Of these, held right now: `hang` and `late` without `ms`. */
  held: number;
  /** Nothing left to hit. */
  spent: boolean;
};

/** One rule that is in force, as the test or the control endpoint that added it sees it. */
export type Injection = {
  readonly id: number;
  /** Settles when the rule has hit for the first time. */
  readonly reached: Promise<void>;
  /** Settles when the rule has hit that often; rejects when the signal aborts. */
  reachedTimes(hits: number, signal?: AbortSignal): Promise<void>;
  status(): InjectionStatus;
  /** Lets the requests go that are held now, and says how many. Later ones are held again while the rule lasts. */
  release(): number;
  /** Takes the rule away and releases what it holds. */
  remove(): void;
};

/** A hit: what to do to this request, and, for a hang, how long to hold it. */
export type Hit = { rule: InjectionRule; released: (signal: AbortSignal) => Promise<void> };

type Entry = { injection: Injection; take(operation: Operation, when: InjectionRule['when']): Hit | null };

export class Injections {
  #entries: Entry[] = [];
  #count = 0;

  /** @throws ZodError for a rule that makes no sense */
  add(input: InjectionRuleInput): Injection {
    const rule = injectionRuleSchema.parse(input);
    this.#count += 1;
    const id = this.#count;
    const entry = createEntry(id, rule, () => {
      this.#entries = this.#entries.filter(({ injection }) => injection.id !== id);
    });
    this.#entries.push(entry);
    return entry.injection;
  }

  get(id: number): Injection | undefined {
    return this.#entries.find(({ injection }) => injection.id === id)?.injection;
  }

  list(): InjectionStatus[] {
    return this.#entries.map(({ injection }) => injection.status());
  }

  /** Lets everything go that any rule holds. */
  release(): number {
    return this.#entries.reduce((released, { injection }) => released + injection.release(), 0);
  }

  clear(): void {
    for (const { injection } of this.#entries) injection.remove();
  }

  /** The first rule, oldest first, that has a hit for this request. */
  take(operation: Operation, when: InjectionRule['when']): Hit | null {
    for (const entry of this.#entries) {
      const hit = entry.take(operation, when);
      if (hit) return hit;
    }
    return null;
  }
}

function createEntry(id: number, rule: InjectionRule, onRemove: () => void): Entry {
  const events = new EventEmitter().setMaxListeners(0);
  const first = Promise.withResolvers<void>();
  let toSkip = rule.skip;
  let hits = 0;
  let held = 0;

  const left = () => (rule.times === 'forever' ? Number.POSITIVE_INFINITY : rule.times - hits);

  const injection: Injection = {
    id,
    reached: first.promise,
    async reachedTimes(wanted, signal) {
      while (hits < wanted) await once(events, 'hit', signal ? { signal } : {});
    },
    status: () => ({ id, rule, hits, held, spent: left() <= 0 }),
    release() {
      const released = held;
      events.emit('release');
      return released;
    },
    remove() {
      onRemove();
      events.emit('release');
    },
  };

  async function released(signal: AbortSignal): Promise<void> {
    held += 1;
    try {
      await once(events, 'release', { signal });
    } finally {
      held -= 1;
    }
  }

  return {
    injection,
    take(operation, when) {
      if (rule.when !== when || (rule.on !== 'any' && rule.on !== operation) || left() <= 0) return null;
      if (toSkip > 0) {
        toSkip -= 1;
        return null;
      }
      hits += 1;
      // After the request is held, so that whoever waits for the hit can release it at once.
      setImmediate(() => {
        first.resolve();
        events.emit('hit');
      });
      return { rule, released };
    },
  };
}
