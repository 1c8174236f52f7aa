import { ApiError } from './api-error.ts';
import type { Settings } from './settings.ts';

/** A token bucket over real time, for all callers of the account together. */
export function createRateLimit(settings: Settings): { check(): void } {
  let tokens = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    check() {
      const { perSecond } = settings.rateLimit;
      if (perSecond === null) return;
      const nowMs = performance.now();
      const capacity = Math.max(1, perSecond);
      tokens = Math.min(capacity, tokens + ((nowMs - lastMs) / 1000) * perSecond);
      lastMs = nowMs;
      if (tokens >= 1) {
        tokens -= 1;
        return;
      }
      throw new ApiError(429, 'Rate limit exceeded', {
        metadata: { error_type: 'rate_limit_exceeded' },
        headers: { 'retry-after': String(Math.ceil((1 - tokens) / perSecond)) },
      });
    },
  };
}
