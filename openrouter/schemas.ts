import { z } from 'zod';
import type { ApiKey, CurrentKey, Workspace } from './management-api.ts';

/*
 * What OpenRouter answers, as far as Keyturn uses it: new fields and new enum values are no errors (facts §12), and
 * what may be null may also be absent (facts §2: `expires_at`, the fields that older copies of the spec lack).
 */

const orNull = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? null);

const hash = z.string().min(1);

const apiKey = z
  .object({
    hash,
    name: z.string(),
    label: z.string().default(''), // for display only (facts §2: opaque)
    disabled: z.boolean(),
    limit: orNull(z.number()),
    limit_remaining: orNull(z.number()),
    limit_reset: orNull(z.string()),
    include_byok_in_limit: z.boolean(),
    usage: z.number(), // no default: a missing figure must not read as "never used"
    created_at: z.string(),
    expires_at: orNull(z.string()),
    workspace_id: orNull(z.string()),
  })
  .transform(
    (key): ApiKey => ({
      hash: key.hash,
      name: key.name,
      label: key.label,
      disabled: key.disabled,
      limit: key.limit,
      limitRemaining: key.limit_remaining,
      limitReset: key.limit_reset,
      includeByokInLimit: key.include_byok_in_limit,
      usage: key.usage,
      createdAt: key.created_at,
      expiresAt: key.expires_at,
      workspaceId: key.workspace_id,
    }),
  );

/** All that has to be right for a created key not to be lost: whatever else is odd is found by verifying (facts §10). */
export const createdAnswer = z.object({ key: z.string().min(1), data: z.object({ hash }) });

export const keyAnswer = z.object({ data: apiKey }).transform(({ data }) => data);

export const keysAnswer = z.object({ data: z.array(apiKey) }).transform(({ data }) => data);

export const deletedAnswer = z.object({ deleted: z.literal(true) });

export const currentKeyAnswer = z
  .object({
    data: z.object({
      label: z.string().default(''),
      limit: orNull(z.number()),
      limit_reset: orNull(z.string()),
      include_byok_in_limit: z.boolean(),
      is_management_key: z.boolean(),
      expires_at: orNull(z.string()),
      workspace_id: orNull(z.string()),
    }),
  })
  .transform(
    ({ data }): CurrentKey => ({
      label: data.label,
      limit: data.limit,
      limitReset: data.limit_reset,
      includeByokInLimit: data.include_byok_in_limit,
      isManagementKey: data.is_management_key,
      expiresAt: data.expires_at,
      workspaceId: data.workspace_id,
    }),
  );

export const creditsAnswer = z
  .object({ data: z.object({ total_credits: z.number(), total_usage: z.number() }) })
  .transform(({ data }) => ({ totalCredits: data.total_credits, totalUsage: data.total_usage }));

const workspace = z
  .object({ id: z.string().min(1), name: z.string(), slug: z.string() })
  .transform(({ id, name, slug }): Workspace => ({ id, name, slug }));

export const workspacesAnswer = z.object({ data: z.array(workspace) }).transform(({ data }) => data);
