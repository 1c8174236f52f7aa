import { fault, KeyturnError } from '../errors/keyturn-error.ts';
import type { ApiKey, ManagementApi } from '../openrouter/management-api.ts';
import type { KeySettings } from '../policy/declared/policy.ts';
import { type Sealed, sealingContext, unseal } from '../secrets/seal.ts';
import type { Secret } from '../secrets/secret.ts';
import type { Tools } from './tools.ts';

export type VerifyKeyInput = {
  policy: string;
  connection: string;
  rotationId: string;
  marker: string;
  hash: string;
  sealed: Sealed;
  key: KeySettings;
  expiresAt: string | null;
};

/**
 * Proves that a new key works and is what the policy asked for, before anybody reads it: its record equals what was
 * asked, and `GET /key` accepts it several times in a row (a new key may not be known everywhere yet, facts §8).
 *
 * @throws KEYTURN_KEY_DIFFERS terminal: OpenRouter made something else than was asked
 * @throws KEYTURN_KEY_NEVER_ACCEPTED terminal: not accepted until the deadline
 */
export function verifyKey({ openrouter, keyring, settings, now, wait }: Tools) {
  return async (input: VerifyKeyInput): Promise<{ accepted: number }> => {
    const api = await openrouter(input.connection);
    const secret = unseal(keyring, input.sealed, sealingContext(input));
    const { consecutive, intervalMs, deadlineMs } = settings.verify;
    const deadline = now() + deadlineMs;

    await provenSame(api, input);
    for (let accepted = 0; ; ) {
      const refusal = await refusalOf(api, secret);
      accepted = refusal === null ? accepted + 1 : 0;
      if (accepted >= consecutive) return { accepted };
      const waitMs = Math.max(intervalMs, refusal?.retryAfterMs ?? 0);
      // OpenRouter asks for more time than is left: Temporal waits for as long, and the step begins anew.
      if (refusal?.retryAfterMs !== undefined && now() + waitMs > deadline) throw refusal;
      if (now() >= deadline) throw fault('KEYTURN_KEY_NEVER_ACCEPTED', deadlineMs / 1000);
      await wait(waitMs);
    }
  };
}

/** One 401 proves nothing, nor does one 200 (facts §7, §11.11): only a row of answers counts. */
async function refusalOf(api: ManagementApi, secret: Secret): Promise<KeyturnError | null> {
  try {
    const current = await api.currentKey(secret);
    if (current.isManagementKey) throw fault('KEYTURN_KEY_DIFFERS', 'it is a management key');
    return null;
  } catch (error) {
    if (error instanceof KeyturnError && error.kind === 'transient') return error;
    throw error;
  }
}

async function provenSame(api: ManagementApi, input: VerifyKeyInput): Promise<void> {
  const made = await api.getKey(input.hash);
  if (made === null) throw fault('KEYTURN_KEY_NOT_ACCEPTED', 'its record is not visible');
  const differences = differencesOf(made, input);
  if (differences.length > 0) throw fault('KEYTURN_KEY_DIFFERS', differences.join(', '));
}

function differencesOf(made: ApiKey, { marker, key, expiresAt }: VerifyKeyInput): string[] {
  const pairs: [string, unknown, unknown][] = [
    ['name', made.name, marker],
    ['disabled', made.disabled, false],
    ['limit', made.limit, key.limit],
    ['limit_reset', made.limitReset, key.limitReset],
    ['include_byok_in_limit', made.includeByokInLimit, key.includeByokInLimit],
    ['expires_at', epoch(made.expiresAt), epoch(expiresAt)],
  ];
  if (key.workspace !== null) pairs.push(['workspace_id', made.workspaceId, key.workspace]);
  return pairs.filter(([, is, asked]) => is !== asked).map(([what, is, asked]) => `${what} is ${is}, asked ${asked}`);
}

/** OpenRouter writes instants in several forms (facts §2): compare moments, not text. */
function epoch(at: string | null): number | null {
  return at === null ? null : Date.parse(at);
}
