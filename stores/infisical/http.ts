import { Agent, type Dispatcher, request } from 'undici';
import type { Secret } from '../../secrets/secret.ts';
import { requestTimeoutMs } from '../promises.ts';

export type HttpRequest = {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the server's address, with a leading slash. */
  path: string;
  query?: Readonly<Record<string, string>>;
  body?: unknown;
};

/** An answer began. `json` is undefined where the body is none, for any reason. */
export type Reply = { status: number; json: unknown; retryAfter: string | null };

/** No answer began. `code`: a word of Node or undici; nothing else of the error is kept, since it carries the request. */
export type NoReply = { code: string; neverSent: boolean };

export type Http = {
  send(request: HttpRequest, bearer: Secret | null): Promise<Reply | NoReply>;
  close(): Promise<void>;
};

export type HttpOptions = { url: string; ca: string | null; timeoutMs?: number };

/** The largest body that Infisical itself takes is 1 MiB (facts §3). */
const mostBytes = 4 * 1024 * 1024;

/** One request, one answer: never sent twice, no redirect followed, never thrown. */
export function createHttp({ url, ca, timeoutMs = requestTimeoutMs }: HttpOptions): Http {
  const connect = {
    // Ends before the whole exchange does, so that "could not connect" is told apart from "no answer".
    timeout: Math.ceil(timeoutMs / 2),
    ...(ca === null ? {} : { ca }),
  };
  // Over HTTP/2, undici may send a request again that a GOAWAY met: a write could be two.
  const kept = new Agent({ connect, pipelining: 1, allowH2: false });
  // A connection that the server has just dropped would make the answer to a write a doubtful one: it gets its own.
  const single = new Agent({ connect, pipelining: 0, allowH2: false });

  return {
    async send({ method, path, query, body }, bearer) {
      const token = bearer?.reveal() ?? null;
      if (token !== null && !/^[\x21-\x7e]+$/.test(token)) return { code: 'UNSENDABLE_TOKEN', neverSent: true };
      const deadline = AbortSignal.timeout(timeoutMs);
      try {
        const answer = await request(`${url}${path}`, {
          method,
          ...(query === undefined ? {} : { query }),
          headers: {
            accept: 'application/json',
            'user-agent': 'keyturn',
            ...(token === null ? {} : { authorization: `Bearer ${token}` }),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          body: body === undefined ? null : JSON.stringify(body),
          dispatcher: method === 'GET' ? kept : single,
          signal: deadline,
          headersTimeout: 0,
          bodyTimeout: 0,
        });
        const wait = answer.headers['retry-after'];
        return {
          status: answer.statusCode,
          json: await jsonIn(answer.body),
          retryAfter: typeof wait === 'string' ? wait : null,
        };
      } catch (cause) {
        return deadline.aborted ? { code: 'TIMEOUT', neverSent: false } : described(cause);
      }
    },

    async close() {
      await Promise.all([kept.close(), single.close()]);
    },
  };
}

/** What arrived of the body. One that breaks off is no error here: whether it is whole JSON decides. */
async function jsonIn(body: Dispatcher.ResponseData['body']): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > mostBytes) return undefined;
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined; // JSON.parse quotes the text in its error
  }
}

/** Refused in the handshake, which comes before the request. */
const certificateCodes = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
const beforeSending = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_CLOSED', 'UND_ERR_DESTROYED']);

function described(cause: unknown): NoReply {
  const error = cause as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  const code = /^[A-Z0-9_]+$/.test(String(error.code)) ? String(error.code) : 'UNKNOWN';
  // Where a name has several addresses, Node tries each and throws an AggregateError without a syscall of its own.
  const each = error.errors ?? [error];
  const noAddress = each.every(({ syscall }) => syscall === 'getaddrinfo' || syscall === 'connect');
  return { code, neverSent: noAddress || beforeSending.has(code) || certificateCodes.has(code) };
}
