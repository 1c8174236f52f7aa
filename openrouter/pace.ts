import { setTimeout as sleep } from 'node:timers/promises';

export type Pace = {
  /** Resolves when it is the caller's turn: first come, first served. */
  turn(): Promise<Turn>;
  /** Whoever waits gets `closed`, now and later. */
  close(): void;
};

/** `full`: the wait would be longer than allowed. `waitMs` is about how long it would be. */
export type Turn = { is: 'yours' } | { is: 'closed' } | { is: 'full'; waitMs: number };

/**
 * Spaces the requests of one connection: each starts at least `minIntervalMs` after the one before it.
 *
 * `maxWaitMs` bounds the queue. A caller that gave up (an activity that timed out) cannot take its place back, and
 * what it asked for would be sent long after anybody reckons with it.
 */
export function createPace({ minIntervalMs, maxWaitMs }: { minIntervalMs: number; maxWaitMs: number }): Pace {
  const closing = new AbortController();
  let lastInLine: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let lastStartMs = Number.NEGATIVE_INFINITY;

  const takeTurn = async (): Promise<Turn> => {
    const waitMs = lastStartMs + minIntervalMs - performance.now();
    // An aborted sleep rejects; that it was aborted is seen below.
    if (waitMs > 0) await sleep(waitMs, undefined, { signal: closing.signal }).catch(() => {});
    waiting -= 1;
    if (closing.signal.aborted) return { is: 'closed' };
    lastStartMs = performance.now();
    return { is: 'yours' };
  };

  return {
    async turn() {
      const waitMs = waiting * minIntervalMs;
      if (waitMs > maxWaitMs) return { is: 'full', waitMs };
      waiting += 1;
      const mine = lastInLine.then(takeTurn);
      lastInLine = mine;
      return mine;
    },
    close() {
      closing.abort();
    },
  };
}
