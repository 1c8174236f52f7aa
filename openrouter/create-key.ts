import { fault } from '../errors/keyturn-error.ts';
import { Secret } from '../secrets/secret.ts';
import type { CreatedKey, CreateKeyRequest } from './management-api.ts';
import type { Requests } from './management-request.ts';
import { createdAnswer } from './schemas.ts';

/**
 * Sends POST /keys once; nothing here or below sends it again (facts §10: OpenRouter has no idempotency key).
 *
 * Created is whatever 2xx holds a `key` and `data.hash`; every other field is left to the verification that follows,
 * since an error here would lose the only copy of the secret.
 *
 * @throws KEYTURN_CREATE_AMBIGUOUS the key may exist
 * @throws KEYTURN_INTERNAL `expiresAt` is not UTC in whole seconds
 */
export async function createKey(requests: Requests, wanted: CreateKeyRequest): Promise<CreatedKey> {
  const { key, data } = await requests.ask(
    { operation: 'createKey', method: 'POST', path: '/keys', body: bodyOf(wanted) },
    createdAnswer,
  );
  return { secret: new Secret(key), hash: data.hash };
}

function bodyOf(wanted: CreateKeyRequest): Record<string, unknown> {
  const { name, limit, limitReset, includeByokInLimit, workspace, expiresAt } = wanted;
  return {
    name,
    limit,
    limit_reset: limitReset,
    include_byok_in_limit: includeByokInLimit,
    // Left out, not null: facts §3.1 lets `workspace_id` be absent only, and absent means the default workspace.
    ...(workspace === null ? {} : { workspace_id: workspace }),
    ...(expiresAt === null ? {} : { expires_at: inWholeSeconds(expiresAt) }),
  };
}

/** OpenRouter takes UTC with seconds only, and its answer to anything else is not known well enough (facts §3.1). */
function inWholeSeconds(expiresAt: string): string {
  const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(expiresAt) && !Number.isNaN(Date.parse(expiresAt));
  if (!isInstant) throw fault('KEYTURN_INTERNAL', `a key was to expire at "${expiresAt}", not UTC in whole seconds`);
  return expiresAt;
}
