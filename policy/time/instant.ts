/** A moment as ISO 8601 in UTC: what state, history and messages hold. */
export type Instant = string;

export function instant(epochMs: number): Instant {
  return new Date(epochMs).toISOString();
}

export function epochMs(at: Instant): number {
  return Date.parse(at);
}

export function plus(at: Instant, ms: number): Instant {
  return instant(epochMs(at) + ms);
}

/** Negative when `to` is before `from`. */
export function msBetween(from: Instant, to: Instant): number {
  return epochMs(to) - epochMs(from);
}

/** True at `due` and after it. */
export function isDue(due: Instant, now: Instant): boolean {
  return epochMs(due) <= epochMs(now);
}

export function later(one: Instant, other: Instant): Instant {
  return epochMs(one) < epochMs(other) ? other : one;
}
