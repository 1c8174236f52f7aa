/** Something that happens at a virtual moment, unless it is cancelled first. */
export type Timer = { readonly at: number; readonly order: number; run: (() => void) | null };

/**
 * The world's time: nothing passes but what is waited for. What happens at the same moment happens in the order in
 * which it was asked for, so that a seed always tells the same story.
 */
export class Clock {
  #nowMs: number;
  #written = { ms: Number.NaN, iso: '' };
  #asked = 0;
  readonly #timers: Timer[] = [];
  readonly #passed: () => void;

  /** `passed`: told whenever time has passed, before anything happens at the new moment. */
  constructor(startMs: number, passed: () => void) {
    this.#nowMs = startMs;
    this.#passed = passed;
  }

  /** Milliseconds since the epoch. */
  readonly now = (): number => this.#nowMs;

  /** The same in ISO 8601, UTC: written once a moment, as it is asked for far more often than time passes. */
  readonly instant = (): string => {
    if (this.#written.ms !== this.#nowMs) this.#written = { ms: this.#nowMs, iso: new Date(this.#nowMs).toISOString() };
    return this.#written.iso;
  };

  /** Resolves after `ms`; at once where there is nothing to wait for. */
  readonly wait = (ms: number): Promise<void> => (ms <= 0 ? atOnce : new Promise((resolve) => this.after(ms, resolve)));

  after(ms: number, run: () => void): Timer {
    const timer = { at: this.#nowMs + Math.max(0, Math.round(ms)), order: this.#asked++, run };
    this.#push(timer);
    return timer;
  }

  /** Time leaps: what should have happened in between happens late, in its order. */
  jump(ms: number): void {
    this.#nowMs += ms;
    this.#passed();
  }

  /** Lets time pass until `done` settles. Rejects where nothing is left that could bring that about. */
  async run<T>(done: Promise<T>): Promise<T> {
    let settled = false;
    const settle = () => {
      settled = true;
    };
    done.then(settle, settle);
    for (let turn = 1; ; turn++) {
      await quiet(turn);
      if (settled) return done;
      const timer = this.#pop();
      if (timer === undefined) throw new Error('deadlock: somebody waits, and nothing is going to happen');
      if (timer.at > this.#nowMs) {
        this.#nowMs = timer.at;
        this.#passed();
      }
      timer.run?.();
    }
  }

  #push(timer: Timer): void {
    const heap = this.#timers;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Timer;
      if (isBefore(above, timer)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = timer;
  }

  /** The first that was not cancelled. */
  #pop(): Timer | undefined {
    const heap = this.#timers;
    for (;;) {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) return undefined;
      if (heap.length > 0) this.#sink(last);
      if (first.run !== null) return first;
    }
  }

  #sink(timer: Timer): void {
    const heap = this.#timers;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child += 1;
      if (isBefore(timer, heap[child] as Timer)) break;
      heap[at] = heap[child] as Timer;
      at = child;
    }
    heap[at] = timer;
  }
}

const atOnce = Promise.resolve();

function isBefore(one: Timer, other: Timer): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/**
 * Until everything that can go on without time passing has gone on: Node runs the next tick when no promise has
 * anything left to do. It costs a tenth of an immediate; now and then one lets others in the process have their turn.
 */
function quiet(turn: number): Promise<void> {
  return new Promise((resolve) => {
    if (turn % 500 === 0) setImmediate(resolve);
    else process.nextTick(resolve);
  });
}
