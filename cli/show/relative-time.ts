import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../policy/time/duration.ts';
import { epochMs, type Instant } from '../../policy/time/instant.ts';

/** A length of time as a person says it, in one unit: `18 s`, `2 min`, `29 days`. */
export function span(ms: number): string {
  const length = Math.max(0, ms);
  if (length < 90 * SECOND_MS) return `${Math.round(length / SECOND_MS)} s`;
  if (length < 90 * MINUTE_MS) return `${Math.round(length / MINUTE_MS)} min`;
  if (length < 36 * HOUR_MS) return `${Math.round(length / HOUR_MS)} h`;
  return `${Math.round(length / DAY_MS)} days`;
}

export function inTime(at: Instant, now: number): string {
  const ms = epochMs(at) - now;
  return ms <= 0 ? 'now' : `in ${span(ms)}`;
}

export function ago(at: Instant, now: number): string {
  const ms = now - epochMs(at);
  return ms < SECOND_MS ? 'just now' : `${span(ms)} ago`;
}

/** How long a step took: tenths matter where a person watches. */
export function took(ms: number): string {
  return ms < 60 * SECOND_MS ? `${(ms / SECOND_MS).toFixed(1)} s` : span(ms);
}
