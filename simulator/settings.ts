import { z } from 'zod';

const ms = z.number().nonnegative();
const usd = z.number().nonnegative();

const propagation = z.strictObject({
  /** How long a new (or enabled again) key is not accepted yet on GET /key and chat. */
  newKeyMs: ms,
  /** How long a disabled or deleted key still works. */
  oldKeyMs: ms,
  /**
   * Edges that answer in turn. The first knows of a change at once, the last after the whole delay, the others in
   * between; so with two, answers flap until the delay is over. With one there is only the delay.
   */
  edges: z.int().min(1).max(64),
});

const variants = z.strictObject({
  /** Inference key on a management endpoint (facts §7). */
  wrongKind: z.union([z.literal(403), z.literal(401)]),
  /** Key cap reached: observed 403, documented 402 (facts §7). */
  keyCap: z.union([z.literal(403), z.literal(402)]),
  /** GET /credits with an inference key: documented 403, also observed 200 with zeros (facts §3.7). */
  creditsForInferenceKey: z.enum(['refused', 'zeros']),
});

const rateLimit = z.strictObject({
  /** Requests a second on management endpoints, all callers together; null is no limit. Runs on real time. */
  perSecond: z.number().positive().nullable(),
});

const chat = z.strictObject({
  /** USD a completion costs. */
  cost: usd,
  /** Whether that is OpenRouter credit or a provider key's own bill. */
  paidBy: z.enum(['credits', 'byok']),
  /** USD an output token costs in the check before the call (facts §6). */
  pricePerToken: usd,
  /** Tokens assumed when the request caps none. */
  maxOutputTokens: z.int().positive(),
  /** How long a spend stays out of every counter (facts §8: lag unknown). */
  usageLagMs: ms,
});

/** What a settings change may hold: any part of any section. */
export const settingsPatchSchema = z.strictObject({
  propagation: propagation.partial().optional(),
  variants: variants.partial().optional(),
  rateLimit: rateLimit.partial().optional(),
  chat: chat.partial().optional(),
});

export type SettingsPatch = z.input<typeof settingsPatchSchema>;

export type Settings = {
  propagation: z.infer<typeof propagation>;
  variants: z.infer<typeof variants>;
  rateLimit: z.infer<typeof rateLimit>;
  chat: z.infer<typeof chat>;
};

/** Where documentation and observation differ, what was observed (facts §0). */
export function defaultSettings(): Settings {
  return {
    propagation: { newKeyMs: 0, oldKeyMs: 0, edges: 1 },
    variants: { wrongKind: 403, keyCap: 403, creditsForInferenceKey: 'refused' },
    rateLimit: { perSecond: null },
    chat: { cost: 0.0000024, paidBy: 'credits', pricePerToken: 0.000002, maxOutputTokens: 32_000, usageLagMs: 0 },
  };
}

/** Changes in place, so that whoever holds the settings sees it. */
export function changeSettings(settings: Settings, patch: SettingsPatch): void {
  for (const section of Object.keys(patch) as (keyof Settings)[]) {
    for (const [name, value] of Object.entries(patch[section] ?? {})) {
      if (value !== undefined) Object.assign(settings[section], { [name]: value });
    }
  }
}
