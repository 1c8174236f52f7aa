import { fault, type KeyturnError, retryAfter } from '../errors/keyturn-error.ts';
import type { NoReply } from './http.ts';
import type { ManagementApi } from './management-api.ts';

export type Operation = keyof ManagementApi;

/** An answer that was not what was asked for. `says`: OpenRouter's message; undefined without a JSON error envelope. */
export type Unwanted = { status: number; says: string | undefined; retryAfterMs: number | undefined };

export type Failure = {
  operation: Operation;
  connection: string;
  /** Of the key that the request was about, where it was about one. */
  hash?: string;
  outcome: Unwanted | NoReply;
};

const inWords: Record<Operation, string> = {
  createKey: 'create a key',
  listKeys: 'list keys',
  getKey: 'read a key',
  patchKey: 'change a key',
  deleteKey: 'delete a key',
  currentKey: 'try a key',
  credits: 'read the credits',
  workspaces: 'list workspaces',
};

/** The one place where what OpenRouter answered, or did not answer, becomes an error of Keyturn. */
export function classify({ operation, connection, hash, outcome }: Failure): KeyturnError {
  const what = inWords[operation];

  if (isUnsendableKey(outcome) || isNotAuthenticated(operation, outcome)) {
    return operation === 'currentKey'
      ? fault('KEYTURN_KEY_NOT_ACCEPTED', isNoReply(outcome) ? 'it holds characters no key has' : 'it answers 401')
      : fault('KEYTURN_CONNECTION_REFUSED', connection);
  }
  if (isRateLimited(outcome)) return retryAfter(fault('KEYTURN_OPENROUTER_RATE_LIMITED', what), outcome.retryAfterMs);
  if (isRefused(outcome)) {
    if (isWrongKindOfKey(operation, outcome)) return fault('KEYTURN_CONNECTION_NOT_MANAGEMENT', connection);
    if (operation === 'patchKey' && isAbsent(outcome)) return fault('KEYTURN_KEY_GONE', hash ?? '');
    return fault('KEYTURN_OPENROUTER_REFUSED', what, outcome.status, outcome.says);
  }
  if (operation === 'createKey' && !isNeverSent(outcome)) return fault('KEYTURN_CREATE_AMBIGUOUS', whyUnknown(outcome));
  return retryAfter(
    fault('KEYTURN_OPENROUTER_UNAVAILABLE', what, whyUnknown(outcome)),
    isNoReply(outcome) ? undefined : outcome.retryAfterMs,
  );
}

/**
 * 404 in OpenRouter's own envelope: there is no such key. One without comes from something in between (a proxy, the
 * edge) that knows nothing of keys.
 */
export function isAbsent(outcome: Unwanted | NoReply): boolean {
  return isRefused(outcome) && outcome.status === 404;
}

/**
 * OpenRouter read the request and said no: nothing was changed. Its JSON envelope is the proof; a 4xx without it may
 * be the edge's word about an answer that OpenRouter gave. 408 says "too slow", not "no" (facts §10).
 */
function isRefused(outcome: Unwanted | NoReply): outcome is Unwanted & { says: string } {
  return (
    !isNoReply(outcome) &&
    outcome.status >= 400 &&
    outcome.status < 500 &&
    outcome.status !== 408 &&
    outcome.says !== undefined
  );
}

/** A rate limit is decided before anything is done, by the edge too (facts §7), so it needs no envelope. */
function isRateLimited(outcome: Unwanted | NoReply): outcome is Unwanted & { status: 429 } {
  return !isNoReply(outcome) && outcome.status === 429;
}

/** Never proof of a dead key: outages answer it too (facts §7). To a create it is an answer only in the envelope. */
function isNotAuthenticated(operation: Operation, outcome: Unwanted | NoReply): boolean {
  return !isNoReply(outcome) && outcome.status === 401 && (operation !== 'createKey' || isRefused(outcome));
}

/** Facts §7: "Only management keys can …", older "Only provisioning keys can …". `GET /key` takes both kinds. */
function isWrongKindOfKey(operation: Operation, { status, says }: Unwanted & { says: string }): boolean {
  return operation !== 'currentKey' && status === 403 && /^Only (management|provisioning) keys\b/i.test(says);
}

/** Such a key never left this machine, and never can: it is none. */
function isUnsendableKey(outcome: Unwanted | NoReply): boolean {
  return isNoReply(outcome) && outcome.code === 'UNSENDABLE_KEY';
}

/** Refused while shaking hands; the request follows the handshake. Other TLS errors can come later. */
const certificateCodes = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/**
 * Proves that not one byte of the request left, so that even a create may simply be sent again.
 *
 * undici writes a request only to a socket that is connected (and, with TLS, secured), and over HTTP/1.1 never moves a
 * written one to another socket. So these come before the first byte:
 * - syscall `getaddrinfo` (ENOTFOUND, EAI_AGAIN): there was no address to connect to;
 * - syscall `connect` (ECONNREFUSED, EHOSTUNREACH, …): the TCP handshake failed. The code alone proves nothing:
 *   EHOSTUNREACH and ETIMEDOUT also come from `read` and `write` on an open socket;
 * - UND_ERR_CONNECT_TIMEOUT: undici's timer around both handshakes;
 * - the certificate codes;
 * - CLOSED, UND_ERR_CLOSED: this client is being closed and took no more requests.
 * Not among them, though it often is harmless: ECONNRESET, UND_ERR_SOCKET, our own TIMEOUT.
 */
export function isNeverSent(outcome: Unwanted | NoReply): boolean {
  return (
    isNoReply(outcome) &&
    (outcome.syscall === 'getaddrinfo' ||
      outcome.syscall === 'connect' ||
      outcome.code === 'UND_ERR_CONNECT_TIMEOUT' ||
      outcome.code === 'UND_ERR_CLOSED' ||
      outcome.code === 'CLOSED' ||
      certificateCodes.has(outcome.code))
  );
}

function whyUnknown(outcome: Unwanted | NoReply): string {
  if (!isNoReply(outcome)) {
    return outcome.status >= 200 && outcome.status < 300
      ? `its answer (${outcome.status}) could not be read`
      : `it answered ${outcome.status}`;
  }
  if (outcome.code === 'TIMEOUT') return 'no answer in time';
  if (outcome.code === 'CLOSED' || outcome.code === 'UND_ERR_CLOSED') return 'Keyturn is shutting down';
  return isNeverSent(outcome) ? `no connection (${outcome.code})` : `the connection broke (${outcome.code})`;
}

const isNoReply = (outcome: Unwanted | NoReply): outcome is NoReply => 'code' in outcome;
