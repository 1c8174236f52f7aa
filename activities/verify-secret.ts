import { fault, KeyturnError, retryAfter } from '../errors/keyturn-error.ts';
import type { Approval, SecretVerdict } from '../policy/life/state.ts';
import { digestOf } from '../secrets/secret.ts';
import { inWords } from '../stores/store.ts';
import { type PlaceInput, spotOf } from './place-at.ts';
import type { Tools } from './tools.ts';

export type VerifySecretInput = PlaceInput & {
  digest: string;
  /** ISO 8601. A store that goes on showing something else after this holds something else. */
  settledAt: string;
  /** The write waits for somebody to approve it. */
  approval?: Approval | null;
};

/** How often an open request is looked at: people approve within minutes at best. */
const approvalLookMs = 30_000;

/**
 * Reads back what the place holds and compares digests.
 *
 * @throws KEYTURN_STORE_DIFFERS transient until `settledAt`, since a store may show an older value for a while; then
 *   terminal
 * @throws KEYTURN_APPROVAL_OPEN needs-attention: nobody has approved it yet
 * @throws KEYTURN_APPROVAL_REFUSED terminal: somebody closed the request without approving it
 */
export function verifySecret({ store, now }: Tools) {
  return async (input: VerifySecretInput): Promise<SecretVerdict> => {
    const { policy, store: name, digest, settledAt, approval = null } = input;
    const opened = await store(name);
    const spot = spotOf(input);
    const held = await opened.read(spot, policy);
    if (held.kind === 'held' && digestOf(held.value) === digest) return 'matches';
    if (approval !== null) {
      const stands = await opened.approval?.(spot, approval);
      if (stands === 'closed') throw fault('KEYTURN_APPROVAL_REFUSED', name, inWords(spot), approval.url);
      if (stands === 'open') {
        throw retryAfter(fault('KEYTURN_APPROVAL_OPEN', name, inWords(spot), approval.url), approvalLookMs);
      }
    }
    if (held.kind === 'unreadable') return 'unverified';
    const differs = fault('KEYTURN_STORE_DIFFERS', name, inWords(spot));
    throw now() < Date.parse(settledAt) ? differs : new KeyturnError({ ...differs.toJSON(), kind: 'terminal' });
  };
}
