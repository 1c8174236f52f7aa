type Headers = Record<string, string | string[] | undefined>;

/** A header cannot put a policy to sleep for days: after this long, asking again does no harm. */
const maxRetryAfterMs = 10 * 60_000;

/** `Retry-After` as milliseconds from now, at most ten minutes; undefined where there is none or it makes no sense. */
export function parseRetryAfter(headers: Headers): number | undefined {
  const text = first(headers['retry-after'])?.trim();
  if (text === undefined) return undefined;

  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : untilDate(text, first(headers.date));
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), maxRetryAfterMs);
}

/** Measured against the server's own clock where it tells it: ours may be wrong. */
function untilDate(text: string, serverDate: string | undefined): number {
  if (!text.endsWith('GMT')) return Number.NaN; // Date.parse takes "-5" for a year
  const now = Date.parse(serverDate ?? '');
  return Date.parse(text) - (Number.isNaN(now) ? Date.now() : now);
}

const first = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);
