import { type Answer, Refused } from './answers.ts';
import type { World } from './world.ts';

/** By the minute and the caller's address, before anybody looks who it is (facts §9). */
export function rateLimits(world: World): (method: string, path: string) => Answer | null {
  const counted = new Map<string, number>();

  function isOver(what: string, minute: number, most: number): boolean {
    const key = `${what} ${minute}`;
    const asked = (counted.get(key) ?? 0) + 1;
    counted.set(key, asked);
    return asked > most;
  }

  return (method, path) => {
    const { settings } = world;
    const now = world.now();
    const minute = Math.floor(now / 60_000);
    const isOfSecrets = path.includes('/secrets');
    const over = [
      isOver('all', minute, settings.perMinute),
      isOfSecrets && isOver('secrets', minute, settings.secretsPerMinute),
      !isOfSecrets && method !== 'GET' && isOver('writes', minute, settings.otherWritesPerMinute),
    ];
    if (!over.includes(true)) return null;
    const seconds = 60 - Math.floor((now % 60_000) / 1000);
    const message = `Rate limit exceeded. Please try again in ${seconds} seconds`;
    const { answer } = new Refused(429, 'RateLimitExceeded', message);
    return settings.retryAfterHeader ? { ...answer, headers: { 'retry-after': String(seconds) } } : answer;
  };
}
