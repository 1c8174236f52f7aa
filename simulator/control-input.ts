import { z } from 'zod';

export const outageSchema = z.strictObject({
  /** Length on the simulator's clock; without it, until ended. */
  ms: z.number().positive().optional(),
  /** Every n-th answer is a 500 instead of the 401; 0 for none. */
  errorEvery: z.int().nonnegative().default(5),
});

export const spendSchema = z.strictObject({
  /** USD of OpenRouter credits. */
  credits: z.number().default(0),
  /** USD on a provider's own bill. */
  byok: z.number().default(0),
  /** When it was spent, ISO 8601; default now. */
  at: z.iso.datetime({ offset: true }).optional(),
});

export const workspaceSchema = z.strictObject({
  name: z.string().min(1),
  /** Default: the name in lower case with hyphens. */
  slug: z.string().min(1).optional(),
  /** USD a calendar month for all its keys; null for none. */
  monthlyBudget: z.number().nonnegative().nullable().default(null),
});

export const creditsSchema = z.strictObject({ bought: z.number().nonnegative() });

export const clockSchema = z.strictObject({
  at: z.iso.datetime({ offset: true }).optional(),
  advanceMs: z.number().optional(),
  frozen: z.boolean().optional(),
});

/** How a wait for an injection is asked for, in a query. */
export const reachedSchema = z.object({
  hits: z.coerce.number().int().positive().default(1),
  timeoutMs: z.coerce.number().int().positive().max(600_000).default(30_000),
});

export type OutageInput = z.input<typeof outageSchema>;
export type SpendInput = z.input<typeof spendSchema>;
export type WorkspaceInput = z.input<typeof workspaceSchema>;
