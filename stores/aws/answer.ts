import { parseRetryAfter } from '../../errors/retry-after.ts';

/**
 * An error of AWS's SDK, taken apart. Its message is left out: nothing of a server's text is read. `status` null: there
 * was no answer.
 */
export type Failed = {
  name: string;
  status: number | null;
  /** AWS itself has said no: with an error of its own in the answer. */
  isRefusal: boolean;
  requestId: string | null;
  retryAfterMs: number | undefined;
  /** Not one byte of the request can have left. */
  neverSent: boolean;
};

/** Before the SDK sends anything it needs these. */
const localNames = new Set(['CredentialsProviderError', 'TokenProviderError', 'ProviderError']);

/** Refused while shaking hands; the request follows the handshake. */
const certificateCodes =
  /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|DEPTH_ZERO_SELF_SIGNED_CERT|ERR_TLS_CERT_ALTNAME_INVALID|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+)$/;

export function failedWith(error: unknown): Failed {
  const { name, code, syscall, $fault, $metadata, $response } = (error ?? {}) as {
    name?: string;
    code?: string;
    syscall?: string;
    $fault?: string;
    $metadata?: { httpStatusCode?: number; requestId?: string };
    $response?: { headers?: Record<string, string> };
  };
  const status = $metadata?.httpStatusCode ?? null;
  const isRefusal = $fault !== undefined && status !== null && status >= 400 && status < 500;
  return {
    name: word(isRefusal || localNames.has(name ?? '') ? name : (code ?? name)),
    status,
    isRefusal,
    requestId: /^[\w-]{1,64}$/.exec($metadata?.requestId ?? '')?.[0] ?? null,
    retryAfterMs: parseRetryAfter($response?.headers ?? {}),
    neverSent:
      status === null &&
      (syscall === 'getaddrinfo' ||
        syscall === 'connect' ||
        localNames.has(name ?? '') ||
        certificateCodes.test(code ?? '')),
  };
}

/** `AccessDeniedException, request 7f3…`: what can be looked for in CloudTrail. */
export function inShort({ name, status, isRefusal, requestId }: Failed): string {
  const what = isRefusal || status === null ? name : `it answered ${status}`;
  return requestId === null ? what : `${what}, request ${requestId}`;
}

/** A name out of the SDK or a server: letters only, so that it cannot be anything else. */
function word(text: string | undefined): string {
  return /^[A-Za-z][A-Za-z0-9_]{0,60}$/.exec(text ?? '')?.[0] ?? 'unknown error';
}
