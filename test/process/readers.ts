import { setTimeout as sleep } from 'node:timers/promises';
import { answerTo, type FiveStores } from './five-stores.ts';

/** Applications that read their key anew all the time, and use each for `keepMs` after they have read it. */
export type Readers = {
  /** Waits until they have read so many different keys. */
  haveRead: (keys: number) => Promise<void>;
  /** What was refused, each with the place it came from. */
  stop: () => Promise<{ refused: string[]; keys: number }>;
};

/** One reader for each place of the policy. */
export function startReaders(
  { stack, places }: FiveStores,
  policy: string,
  { keepMs, everyMs }: { keepMs: number; everyMs: number },
): Readers {
  const seen = new Set<string>();
  const refused: string[] = [];
  let isOver = false;
  const reading = places.map(async ({ store, keyIn }) => {
    const kept = new Map<string, number>();
    while (!isOver) {
      const readAt = Date.now();
      // A place that is broken shows nothing, and its application goes on with what it has.
      const key = await keyIn(policy).catch(() => null);
      if (key !== null) kept.set(key, readAt);
      if (key !== null) seen.add(key);
      for (const [secret, at] of kept) {
        const askedAt = Date.now();
        if (askedAt - at > keepMs) kept.delete(secret);
        else if ((await answerTo(stack, secret)) !== 200) {
          refused.push(`${store}: key ${stack.simulator.control.whoIs(secret)}, ${askedAt - at} ms after it was read`);
        }
      }
      await sleep(everyMs);
    }
  });
  const ended = Promise.all(reading);
  return {
    async haveRead(keys) {
      while (seen.size < keys && !isOver) await sleep(50);
    },
    async stop() {
      isOver = true;
      await ended;
      return { refused, keys: seen.size };
    },
  };
}
