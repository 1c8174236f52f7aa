const dayMs = 86_400_000;

export type Usage = { total: number; daily: number; weekly: number; monthly: number };

/** USD spent by UTC day (`2026-11-23`), for credits and for external provider keys (BYOK). */
export type Spend = {
  days: Record<string, Amount>;
  /** Spent, but not yet counted by anyone: the counters lag (facts §8). */
  pending: (Amount & { countedAtMs: number; day: string })[];
};

export type Amount = { credits: number; byok: number };

export function noSpend(): Spend {
  return { days: {}, pending: [] };
}

export function spendAt(spend: Spend, amount: Amount, atMs: number, countedAtMs: number): void {
  spend.pending.push({ countedAtMs, day: dayOf(atMs), ...amount });
}

/** Moves what is due from pending to counted and says how much that was. */
export function countDue(spend: Spend, nowMs: number): Amount {
  const counted = { credits: 0, byok: 0 };
  if (spend.pending.length === 0) return counted;
  for (const { day, credits, byok } of spend.pending.filter((each) => each.countedAtMs <= nowMs)) {
    const sofar = spend.days[day] ?? { credits: 0, byok: 0 };
    spend.days[day] = { credits: sofar.credits + credits, byok: sofar.byok + byok };
    counted.credits += credits;
    counted.byok += byok;
  }
  spend.pending = spend.pending.filter((each) => each.countedAtMs > nowMs);
  return counted;
}

/** Windows of facts §8: UTC day, week from Monday, calendar month. */
export function usageOf(spend: Spend, kind: keyof Amount, nowMs: number): Usage {
  const today = dayOf(nowMs);
  const monday = dayOf(nowMs - ((new Date(nowMs).getUTCDay() + 6) % 7) * dayMs);
  const first = `${today.slice(0, 8)}01`;
  const usage = { total: 0, daily: 0, weekly: 0, monthly: 0 };
  for (const [day, amount] of Object.entries(spend.days)) {
    const usd = amount[kind];
    usage.total += usd;
    if (day === today) usage.daily += usd;
    if (day >= monday && day <= today) usage.weekly += usd;
    if (day >= first && day <= today) usage.monthly += usd;
  }
  return {
    total: rounded(usage.total),
    daily: rounded(usage.daily),
    weekly: rounded(usage.weekly),
    monthly: rounded(usage.monthly),
  };
}

/** Takes the noise of binary fractions off a sum of dollars; spends go down to 1e-10. */
export function rounded(usd: number): number {
  return Math.round(usd * 1e10) / 1e10;
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
