import { z } from 'zod';
import { ApiError } from './api-error.ts';

const name = z.string().min(1);
const limit = z.number().nonnegative().nullable();
const limitReset = z.enum(['daily', 'weekly', 'monthly']).nullable();

/** UTC with `Z`, seconds required, fractions allowed (facts §3.1). */
const expiresAt = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/, 'Invalid ISO datetime')
  .refine((text) => !Number.isNaN(Date.parse(text)), 'Invalid ISO datetime');

/** POST /keys. Fields it does not know, `disabled` among them, are dropped in silence. */
export const createKeySchema = z.object({
  name,
  limit: limit.optional(),
  limit_reset: limitReset.optional(),
  include_byok_in_limit: z.boolean().optional(),
  expires_at: expiresAt.nullable().optional(),
  workspace_id: z.uuid().optional(),
  creator_user_id: z.string().min(1).nullable().optional(),
  external: z.object({ user: z.string().min(1).max(512), api_key: z.string().min(32).max(512).optional() }).optional(),
});

/** PATCH /keys/{hash}: `expires_at`, `workspace_id` and `creator_user_id` are not in it, so they change nothing. */
export const patchKeySchema = z.object({
  name: name.optional(),
  disabled: z.boolean().optional(),
  limit: limit.optional(),
  limit_reset: limitReset.optional(),
  include_byok_in_limit: z.boolean().optional(),
});

export const listKeysSchema = z.object({
  include_disabled: z.enum(['true', 'false']).optional(),
  offset: z.coerce.number().int().min(0).optional(),
  workspace_id: z.uuid().optional(),
});

export const listWorkspacesSchema = z.object({
  offset: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(100).optional(),
});

export const chatSchema = z.object({
  model: z.string().min(1),
  messages: z.array(z.looseObject({ role: z.string() })).min(1),
  max_tokens: z.int().positive().nullable().optional(),
  max_completion_tokens: z.int().positive().nullable().optional(),
  stream: z.literal(false, 'The simulator does not stream').nullable().optional(),
});

/** Refuses as OpenRouter was seen to: field, colon, the text of zod (facts §7). */
export function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue?.path.join('.');
  throw new ApiError(400, where ? `${where}: ${issue?.message}` : 'Invalid request parameters');
}

/** A body that is no JSON is refused the same way as one of the wrong shape. */
export function parsedBody<T>(schema: z.ZodType<T>, body: string): T {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new ApiError(400, 'Invalid request parameters');
  }
  return parsed(schema, value);
}
