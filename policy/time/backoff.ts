const firstMs = 60_000;
const longestMs = 6 * 3_600_000;

/**
 * How long after failed try number `tries` (1, 2, …) the next one comes: 1 min, doubled each time, at most 6 h.
 * Spread by up to a fifth, by policy name: policies that one outage stopped do not all come back in the same second,
 * and the same policy waits the same time on replay.
 */
export function backoffMs(name: string, tries: number): number {
  const whole = Math.min(longestMs, firstMs * 2 ** (tries - 1));
  return Math.round(whole * (0.8 + 0.2 * spread(name)));
}

/** A number from 0 to 1 that the name alone decides (FNV-1a). */
function spread(name: string): number {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash / 0xffffffff;
}
