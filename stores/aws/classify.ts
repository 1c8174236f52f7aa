import { fault, type KeyturnError, retryAfter } from '../../errors/keyturn-error.ts';
import { InDoubt, type Moved } from '../driver.ts';
import { type Failed, inShort } from './answer.ts';

/** What was asked for. `right`: what it takes, as IAM has it ("secretsmanager:PutSecretValue"). */
export type Asked = { store: string; place: string; right: string };

/** What a service says besides what all of AWS says: by the name of its error. */
export type Particular = Record<string, (failed: Failed, asked: Asked) => KeyturnError | Moved>;

/** Too much at once, for AWS as a whole or for this one secret. Nothing was done. */
const tooMuch = /^(Throttl\w*|TooManyRequests\w*|TooManyUpdates|RequestLimitExceeded|LimitExceededException)$/;
const waitForQuotaMs = 5_000;

/** Found out before anything is done; each may be right again when credentials or the clock are. */
const notAccepted: Record<string, string> = {
  ExpiredToken: 'its credentials have expired',
  ExpiredTokenException: 'its credentials have expired',
  UnrecognizedClientException: 'AWS does not know its credentials',
  InvalidClientTokenId: 'AWS does not know its credentials',
  InvalidAccessKeyId: 'AWS does not know its credentials',
  InvalidSignatureException: 'its signature is not accepted: the secret key is wrong, or the clock of this machine is',
  SignatureDoesNotMatch: 'its signature is not accepted: the secret key is wrong, or the clock of this machine is',
  RequestExpired: 'its signature is not accepted: the clock of this machine is wrong',
  IncompleteSignature: 'its credentials are not well-formed',
  MissingAuthenticationToken: 'it has no credentials',
  MissingAuthenticationTokenException: 'it has no credentials',
  OptInRequired: 'the account has not enabled this region',
  CredentialsProviderError: 'no credentials can be had',
  TokenProviderError: 'no credentials can be had',
  ProviderError: 'no credentials can be had',
};

const notAllowed = new Set(['AccessDeniedException', 'AccessDenied', 'UnauthorizedOperation', 'NotAuthorized']);

/** The credentials were not taken: whoever holds a copy of them has to get them anew. */
export function isNotAccepted({ name }: Failed): boolean {
  return notAccepted[name] !== undefined;
}

export function isTooMuch({ name, status }: Failed): boolean {
  return tooMuch.test(name) || status === 429;
}

export function isNotAllowed({ name, isRefusal }: Failed): boolean {
  return isRefusal && notAllowed.has(name);
}

/** The one place where what AWS answered, or did not answer, becomes an error of Keyturn. */
export function classify(
  failed: Failed,
  asked: Asked,
  { changes, particular }: { changes: boolean; particular: Particular },
): KeyturnError | Moved | InDoubt {
  const { name, isRefusal, retryAfterMs } = failed;
  const unavailable = (why: string) => fault('KEYTURN_STORE_UNAVAILABLE', asked.store, why);
  if (isNotAccepted(failed)) return unavailable(`${notAccepted[name]} (${inShort(failed)})`);
  const own = isRefusal ? particular[name] : undefined;
  if (own !== undefined) return own(failed, asked);
  if (isNotAllowed(failed)) {
    // AWS says it with one word for its own rights and for those on the KMS key.
    const why = `AWS does not allow it (${inShort(failed)}); it takes the right ${asked.right}, and the use of its KMS key`;
    return refused(asked, why);
  }
  if (isTooMuch(failed)) {
    return retryAfter(unavailable(`too many requests (${inShort(failed)})`), retryAfterMs ?? waitForQuotaMs);
  }
  if (isRefusal) return refused(asked, `AWS refuses it (${inShort(failed)})`);
  if (changes && !failed.neverSent) return new InDoubt(silence(failed));
  return retryAfter(unavailable(silence(failed)), retryAfterMs);
}

export function refused({ store, place }: Pick<Asked, 'store' | 'place'>, why: string): KeyturnError {
  return fault('KEYTURN_STORE_REFUSED', store, place, why);
}

function silence(failed: Failed): string {
  if (failed.status !== null && failed.status < 300) return `its answer could not be read (${inShort(failed)})`;
  if (failed.status !== null) return inShort(failed);
  if (/^(AbortError|TimeoutError|ETIMEDOUT)$/.test(failed.name)) return 'no answer in time';
  return failed.neverSent ? `no connection (${failed.name})` : `the connection broke (${failed.name})`;
}
