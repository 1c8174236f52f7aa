import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Which requests go first. What has begun is ended before more is begun: else a fleet that is due at one time would
 * make all of its keys first, and run out of time with them.
 */
export type Lane = 'carry on' | 'begin';

export type Pace = {
  /** Resolves when it is the caller's turn: first come, first served in a lane. */
  turn(lane: Lane): Promise<Turn>;
  /** Whoever waits gets `closed`, now and later. */
  close(): void;
};

/** `full`: the wait would be longer than allowed, or has become so. `waitMs` is about how long it would be. */
export type Turn = { is: 'yours' } | { is: 'closed' } | { is: 'full'; waitMs: number };

type Waiting = { sinceMs: number; answer: (turn: Turn) => void };

/**
 * Spaces the requests of one connection: each starts at least `minIntervalMs` after the one before it.
 *
 * `maxWaitMs` bounds each wait. A caller that gave up (an activity that timed out) cannot take its place back, and
 * what it asked for would be sent long after anybody reckons with it.
 */
export function createPace({ minIntervalMs, maxWaitMs }: { minIntervalMs: number; maxWaitMs: number }): Pace {
  const closing = new AbortController();
  const lines: Record<Lane, Waiting[]> = { 'carry on': [], begin: [] };
  let serving = false;
  let lastStartMs = Number.NEGATIVE_INFINITY;

  /** How long who comes now would wait, if nobody came after. */
  function lineMs(lane: Lane): number {
    const ahead = lane === 'begin' ? waiting() : lines[lane].length;
    return Math.ceil(Math.max(0, msToNextStart()) + ahead * minIntervalMs);
  }

  function waiting(): number {
    return lines['carry on'].length + lines.begin.length;
  }

  function msToNextStart(): number {
    return lastStartMs + minIntervalMs - performance.now();
  }

  async function serve(): Promise<void> {
    serving = true;
    while (waiting() > 0) {
      const waitMs = msToNextStart();
      // An aborted sleep rejects; that it was aborted is seen below.
      if (waitMs > 0) await sleep(waitMs, undefined, { signal: closing.signal }).catch(() => {});
      if (closing.signal.aborted) {
        for (const { answer } of Object.values(lines).flatMap((line) => line.splice(0))) answer({ is: 'closed' });
        break;
      }
      sendAway('carry on');
      sendAway('begin');
      const next = lines['carry on'].shift() ?? lines.begin.shift();
      if (next === undefined) break;
      lastStartMs = performance.now();
      next.answer({ is: 'yours' });
    }
    serving = false;
  }

  /** Those who have waited as long as they may, since others went first. An interval more: timers are late. */
  function sendAway(lane: Lane): void {
    const line = lines[lane];
    while (line[0] !== undefined && performance.now() - line[0].sinceMs > maxWaitMs + minIntervalMs) {
      line.shift()?.answer({ is: 'full', waitMs: Math.max(minIntervalMs, lineMs(lane)) });
    }
  }

  return {
    async turn(lane) {
      if (closing.signal.aborted) return { is: 'closed' };
      const waitMs = lineMs(lane);
      if (waitMs > maxWaitMs) return { is: 'full', waitMs };
      const turn = Promise.withResolvers<Turn>();
      lines[lane].push({ sinceMs: performance.now(), answer: turn.resolve });
      if (!serving) void serve();
      return turn.promise;
    },
    close() {
      closing.abort();
    },
  };
}
