/** Lengths of time as people write them in a policy: one whole number and one unit. */

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

const unitMs: Record<string, number> = { s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS, w: 7 * DAY_MS };

/** One number and one unit on purpose: `1d12h` can be read in two ways where a day has 23 or 25 hours, `36h` cannot. */
export const durationPattern = /^\d{1,9}[smhdw]$/;

/** Milliseconds of `30s`, `15m`, `24h`, `7d` or `2w` (a day is 24 hours); undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined;
  const unit = unitMs[text.slice(-1)];
  return unit === undefined ? undefined : Number(text.slice(0, -1)) * unit;
}

/**
 * The same length as text that `parseDuration` reads back, to the second: the largest unit that divides it, but `24h`
 * rather than `1d`, and never weeks.
 */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / SECOND_MS) * SECOND_MS;
  if (seconds % DAY_MS === 0 && seconds >= 2 * DAY_MS) return `${seconds / DAY_MS}d`;
  if (seconds % HOUR_MS === 0 && seconds > 0) return `${seconds / HOUR_MS}h`;
  if (seconds % MINUTE_MS === 0 && seconds > 0) return `${seconds / MINUTE_MS}m`;
  return `${seconds / SECOND_MS}s`;
}
