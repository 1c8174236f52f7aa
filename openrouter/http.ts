import { Agent, type Dispatcher, request } from 'undici';
import { parseRetryAfter } from '../errors/retry-after.ts';
import type { Secret } from '../secrets/secret.ts';

export type HttpRequest = {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the base URL, with a leading slash. */
  path: string;
  bearer: Secret;
  body?: unknown;
};

/** An answer began: its status is known. `json` is undefined where the body cannot be read as JSON, for any reason. */
export type Reply = { status: number; json: unknown; retryAfterMs: number | undefined };

/** No answer began. `code` and `syscall` are Node's or undici's words; nothing else of the error is kept. */
export type NoReply = { code: string; syscall: string | undefined };

export type Http = {
  send(request: HttpRequest): Promise<Reply | NoReply>;
  /** Waits for what is under way; sends nothing more. */
  close(): Promise<void>;
};

/** A page of 100 keys is 80 KB. More than this is not OpenRouter, and would only fill the worker's memory. */
const maxBodyBytes = 5 * 1024 * 1024;

/**
 * One request, one answer, never retried and never thrown: every outcome is a plain description for `classify`.
 * Errors of undici carry the request, and with it the management key; none leaves this file.
 *
 * @param options.timeoutMs for the whole exchange, from connecting to the last byte of the body
 * @param options.dispatcher must not retry; the caller closes it
 */
export function createHttp(options: { baseUrl: string; timeoutMs: number; dispatcher?: Dispatcher }): Http {
  const { baseUrl, timeoutMs } = options;
  const settings = {
    // Over HTTP/2, undici puts requests that a GOAWAY met back in its queue and sends them again: a POST could be two.
    allowH2: false,
    // Ends before the whole exchange does, so that "could not connect" is told apart from "no answer".
    connect: { timeout: Math.ceil(timeoutMs / 2) },
  };
  const kept = options.dispatcher ?? new Agent({ ...settings, pipelining: 1 });
  // A create gets a connection of its own (no keep-alive): one that the server has just dropped would make its answer
  // ambiguous, which costs minutes of searching. The other requests are simply sent again.
  const single = options.dispatcher ?? new Agent({ ...settings, pipelining: 0 });

  let closed = false;

  return {
    async send({ method, path, bearer, body }) {
      if (closed) return { code: 'CLOSED', syscall: undefined };
      if (!isHeaderValue(bearer.reveal())) return { code: 'UNSENDABLE_KEY', syscall: undefined };

      const deadline = new AbortController();
      const timer = setTimeout(() => deadline.abort(), timeoutMs);
      try {
        const answer = await request(`${baseUrl}${path}`, {
          method,
          headers: {
            authorization: `Bearer ${bearer.reveal()}`,
            accept: 'application/json',
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          body: body === undefined ? null : JSON.stringify(body),
          dispatcher: method === 'POST' ? single : kept,
          signal: deadline.signal,
          // The deadline is the only clock: a body that drips one byte a second resets undici's own.
          headersTimeout: 0,
          bodyTimeout: 0,
        });
        return {
          status: answer.statusCode,
          json: parseJson(await readText(answer.body, deadline)),
          retryAfterMs: parseRetryAfter(answer.headers),
        };
      } catch (cause) {
        return deadline.signal.aborted ? { code: 'TIMEOUT', syscall: undefined } : describe(cause);
      } finally {
        clearTimeout(timer);
      }
    },

    async close() {
      closed = true;
      if (options.dispatcher === undefined) await Promise.all([kept.close(), single.close()]);
    },
  };
}

/** Node refuses to send a header with anything else in it; a management key with a line break in it is such a thing. */
const isHeaderValue = (value: string) => /^[\x21-\x7e]+$/.test(value);

/** What arrived of the body. A body that breaks off is not an error here: whether it is whole JSON decides. */
async function readText(body: Dispatcher.ResponseData['body'], deadline: AbortController): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBodyBytes) {
        deadline.abort();
        return '';
      }
      chunks.push(chunk);
    }
  } catch {
    // Reset, closed early, or too slow: what came before may still be the whole object, with the secret in it.
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // JSON.parse quotes the text in its error, and the text may be a secret
  }
}

function describe(cause: unknown): NoReply {
  const error = cause as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  // Where a name has several addresses, Node tries each and throws an AggregateError without a syscall of its own.
  const syscalls = new Set((error.errors ?? [error]).map((each) => each.syscall));
  return {
    code: /^[A-Z0-9_]+$/.test(String(error.code)) ? String(error.code) : 'UNKNOWN',
    syscall: syscalls.size === 1 ? [...syscalls][0] : undefined,
  };
}
