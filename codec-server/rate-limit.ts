export type RateLimitOptions = {
  /** What a client may ask in the long run. */
  perSecond: number;
  /** What it may ask at once after a rest: the Web UI asks once a payload when it opens a page. */
  burst: number;
  /** Milliseconds. */
  now: () => number;
};

/** 0: go ahead. Else the milliseconds until the client may ask again. */
export type RateLimit = (client: string) => number;

/** More clients than that at a time are not told apart from new ones. */
const maxClients = 10_000;

/** A token bucket for each client. */
export function rateLimit({ perSecond, burst, now }: RateLimitOptions): RateLimit {
  // In the order of their last request.
  const buckets = new Map<string, { tokens: number; at: number }>();
  return (client) => {
    const at = now();
    const before = buckets.get(client) ?? { tokens: burst, at };
    const tokens = Math.min(burst, before.tokens + ((at - before.at) * perSecond) / 1_000);
    const taken = tokens >= 1;
    buckets.delete(client);
    buckets.set(client, { tokens: taken ? tokens - 1 : tokens, at });
    if (buckets.size > maxClients) buckets.delete(buckets.keys().next().value as string);
    return taken ? 0 : Math.ceil(((1 - tokens) * 1_000) / perSecond);
  };
}
