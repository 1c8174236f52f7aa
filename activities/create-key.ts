import type { KeySettings } from '../policy/declared/policy.ts';
import { type Sealed, seal, sealingContext } from '../secrets/seal.ts';
import { digestOf } from '../secrets/secret.ts';
import type { Tools } from './tools.ts';

export type CreateKeyInput = {
  policy: string;
  connection: string;
  rotationId: string;
  /** The temporary name; carries the rotation id, so that a key whose answer was lost can be found. */
  marker: string;
  key: KeySettings;
};

/** `digest` identifies the secret where `sealed` need not go. */
export type CreatedKey = { hash: string; sealed: Sealed; digest: string; expiresAt: string | null };

/**
 * Makes one key under its marker: POST /keys is sent once, and never again for this marker.
 *
 * @throws KEYTURN_CREATE_AMBIGUOUS the key may exist: look for the marker
 * @throws anything else: no key was made
 */
export function createKey({ openrouter, keyring, now }: Tools) {
  return async ({ policy, connection, rotationId, marker, key }: CreateKeyInput): Promise<CreatedKey> => {
    const api = await openrouter(connection);
    const { limit, limitReset, includeByokInLimit, workspace, expiresAfterMs } = key;
    const expiresAt = expiresAfterMs === null ? null : wholeSeconds(now() + expiresAfterMs);
    const created = await api.createKey({ name: marker, limit, limitReset, includeByokInLimit, workspace, expiresAt });
    const sealed = seal(keyring, created.secret, sealingContext({ policy, rotationId }));
    return { hash: created.hash, sealed, digest: digestOf(created.secret), expiresAt };
  };
}

/** OpenRouter wants UTC with seconds (facts §3.1). */
function wholeSeconds(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}
