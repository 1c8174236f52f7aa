import { KeyturnError } from '../errors/keyturn-error.ts';
import type { Secret } from '../secrets/secret.ts';
import type { ManagementApi, Workspace } from './management-api.ts';

/** What a connection is good for. `why` is a sentence for a person. */
export type ConnectionCheck =
  /** `creditLeft` in USD; below zero is an overdrawn account. */
  | { state: 'fine'; workspaces: Workspace[]; creditLeft: number }
  /** 401: no such key, or revoked, or expired, or OpenRouter's sign-in is down. They are the same bytes (facts §7). */
  | { state: 'not-a-key' }
  /** It works, but only for inference. */
  | { state: 'not-a-management-key' }
  | { state: 'rate-limited'; retryAfterMs: number | undefined }
  /** No answer, or none that can be used. */
  | { state: 'down'; why: string }
  /** OpenRouter knows the key and says no. */
  | { state: 'refused'; why: string };

/**
 * Tells apart what can be wrong with a connection. Changes nothing and costs nothing.
 *
 * Asks `GET /key` first, because only that tells the two kinds of keys apart: to an inference key, `GET /credits` may
 * answer 0 of 0, which is not an empty account (facts §3.7).
 */
export async function checkConnection(
  openrouter: Pick<ManagementApi, 'currentKey' | 'credits' | 'workspaces'>,
  managementKey: Secret,
): Promise<ConnectionCheck> {
  try {
    const { isManagementKey } = await openrouter.currentKey(managementKey);
    if (!isManagementKey) return { state: 'not-a-management-key' };

    const { totalCredits, totalUsage } = await openrouter.credits();
    const workspaces = await openrouter.workspaces();
    return { state: 'fine', workspaces, creditLeft: totalCredits - totalUsage };
  } catch (error) {
    if (error instanceof KeyturnError) return stateOf(error);
    throw error;
  }
}

function stateOf(error: KeyturnError): ConnectionCheck {
  switch (error.code) {
    case 'KEYTURN_KEY_NOT_ACCEPTED':
    case 'KEYTURN_CONNECTION_REFUSED':
      return { state: 'not-a-key' };
    case 'KEYTURN_CONNECTION_NOT_MANAGEMENT':
      return { state: 'not-a-management-key' };
    case 'KEYTURN_OPENROUTER_RATE_LIMITED':
      return { state: 'rate-limited', retryAfterMs: error.retryAfterMs };
    case 'KEYTURN_OPENROUTER_REFUSED':
      return { state: 'refused', why: error.message };
    default:
      return { state: 'down', why: error.message };
  }
}
