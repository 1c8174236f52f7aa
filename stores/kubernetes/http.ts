import { createHash } from 'node:crypto';
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import { requestTimeoutMs } from '../promises.ts';
import type { Cluster } from './cluster-access.ts';

export type HttpRequest = {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the server's address, with a leading slash. */
  path: string;
  body?: unknown;
  contentType?: string;
};

/** An answer began. `json` is undefined where the body is none, for any reason. `auditId`: what the cluster's log calls it. */
export type Reply = { status: number; json: unknown; retryAfterMs: number | undefined; auditId: string | null };

/** No answer began. `code`: a word of Node or undici; nothing else of the error is kept, since it carries the request. */
export type NoReply = { code: string; neverSent: boolean };

export type Http = {
  send(cluster: Cluster, request: HttpRequest): Promise<Reply | NoReply>;
  close(): Promise<void>;
};

type Connections = { to: string; kept: Dispatcher; single: Dispatcher };

/** The data of a Secret is at most 1 MiB, a third more as base64; the rest is what the cluster notes about it. */
const mostBytes = 4 * 1024 * 1024;
const mostWaitMs = 10 * 60_000;

/** One request, one answer: never sent twice, no redirect followed, never thrown. */
export function createHttp(timeoutMs = requestTimeoutMs): Http {
  let connections: Connections | null = null;

  /** Certificates are renewed: then new connections are made, and the old ones end with what is under way on them. */
  function connectionsTo(cluster: Cluster): Connections {
    const to = fingerprintOf(cluster);
    if (connections?.to === to) return connections;
    if (connections !== null) void closed(connections);
    connections = {
      to,
      kept: dispatcherTo(cluster, timeoutMs, 1),
      // A connection that the server has just dropped would make the answer to a write a doubtful one: it gets its own.
      single: dispatcherTo(cluster, timeoutMs, 0),
    };
    return connections;
  }

  return {
    async send(cluster, { method, path, body, contentType = 'application/json' }) {
      const bearer = cluster.bearer?.reveal() ?? null;
      if (bearer !== null && !/^[\x21-\x7e]+$/.test(bearer)) return { code: 'UNSENDABLE_TOKEN', neverSent: true };
      const deadline = AbortSignal.timeout(timeoutMs);
      try {
        const { kept, single } = connectionsTo(cluster);
        const answer = await request(`${cluster.server}${path}`, {
          method,
          headers: {
            accept: 'application/json',
            'user-agent': 'keyturn',
            ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
            ...(body === undefined ? {} : { 'content-type': contentType }),
          },
          body: body === undefined ? null : JSON.stringify(body),
          dispatcher: method === 'GET' ? kept : single,
          signal: deadline,
          headersTimeout: 0,
          bodyTimeout: 0,
        });
        return {
          status: answer.statusCode,
          json: await jsonIn(answer.body),
          retryAfterMs: waitIn(answer.headers['retry-after']),
          auditId: auditIdIn(answer.headers['audit-id']),
        };
      } catch (cause) {
        return deadline.aborted ? { code: 'TIMEOUT', neverSent: false } : described(cause);
      }
    },

    async close() {
      if (connections !== null) await closed(connections);
      connections = null;
    },
  };
}

async function closed({ kept, single }: Connections): Promise<void> {
  await Promise.all([kept.close(), single.close()]);
}

function fingerprintOf({ server, tls, proxy }: Cluster): string {
  const key = tls.client?.key.reveal();
  return createHash('sha256')
    .update(JSON.stringify([server, proxy, tls, key]))
    .digest('hex');
}

function dispatcherTo({ tls, proxy }: Cluster, timeoutMs: number, pipelining: 0 | 1): Dispatcher {
  const connect = {
    // Ends before the whole exchange does, so that "could not connect" is told apart from "no answer".
    timeout: Math.ceil(timeoutMs / 2),
    rejectUnauthorized: tls.verify,
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.serverName === null ? {} : { servername: tls.serverName }),
    ...(tls.client === null ? {} : { cert: tls.client.certificate, key: tls.client.key.reveal() }),
  };
  // Over HTTP/2, undici may send a request again that a GOAWAY met: a write could be two.
  if (proxy === null) return new Agent({ connect, pipelining, allowH2: false });
  return new ProxyAgent({ uri: proxy, requestTls: connect, pipelining, allowH2: false });
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

type Header = string | string[] | undefined;

/** Kubernetes says it in seconds. */
function waitIn(header: Header): number | undefined {
  return typeof header === 'string' && /^\d{1,9}$/.test(header)
    ? Math.min(Number(header) * 1000, mostWaitMs)
    : undefined;
}

function auditIdIn(header: Header): string | null {
  return typeof header === 'string' && /^[0-9a-f-]{36}$/.test(header) ? header : null;
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
