import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { payloadCodec } from '../codec/payload-codec.ts';
import { fault } from '../errors/keyturn-error.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { Admit } from './access.ts';
import { isLoopback, requireLocalPage } from './loopback.ts';
import { answerPreflight, isAllowedPage, isPreflight } from './origins.ts';
import { type Converted, decodePayloads, encodePayloads, type PayloadJson, payloadsIn } from './payloads.ts';
import { rateLimit } from './rate-limit.ts';
import { refusal } from './refusal.ts';

export type CodecServerOptions = {
  keyring: Keyring;
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** The only web pages that may ask: the Web UI's origins, exactly. */
  origins: readonly string[];
  /** Who may have which namespace; or `local page`: any page of `origins`, which only a loopback `host` may offer. */
  admit: Admit | 'local page';
  /** Also answer /encode. */
  encode: boolean;
  /** Addresses of proxies whose X-Forwarded-For is believed. */
  trustProxy: readonly string[];
  /** The access log: who had how many payloads of which namespace decoded, and who was refused. Never a value. */
  log: Pick<FastifyBaseLogger, 'info' | 'warn'>;
};

export type CodecServer = { url: string; close: () => Promise<void> };

/** A payload is at most 2 MB in Temporal, which is 2.7 MB in base64. */
const bodyLimitBytes = 4 * 1024 * 1024;
/** The Web UI asks once for each payload of a page: a long history is some hundred requests at once. */
const limits = { perSecond: 100, burst: 300 };
/** For a whole request: nobody holds a connection open by sending slowly. */
const requestTimeoutMs = 15_000;
const maxNamespaceLength = 255;
/** What Temporal's command line means when it sends an empty X-Namespace. */
const usualNamespace = 'default';

/**
 * Temporal's remote codec over HTTP, for the Web UI and Temporal's command line: `POST /decode` with the namespace in
 * `X-Namespace`, or `POST /NAMESPACE/decode`.
 *
 * What it gives out is what the worker gave Temporal: key material is sealed inside (secrets/seal.ts) and stays so.
 *
 * @throws KEYTURN_PORT_IN_USE
 */
export async function startCodecServer(options: CodecServerOptions): Promise<CodecServer> {
  const { host, port, admit, encode } = options;
  if (admit === 'local page' && !isLoopback(host)) {
    throw fault('KEYTURN_INTERNAL', `a codec server on ${host} has to ask for tokens`);
  }
  const app = Fastify({
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    routerOptions: { maxParamLength: maxNamespaceLength },
    ...(options.trustProxy.length === 0 ? {} : { trustProxy: [...options.trustProxy] }),
  });
  // A page may send text/plain to anywhere without being asked whether it may.
  app.removeContentTypeParser('text/plain');
  guard(app, options);
  app.get('/healthz', async () => ({ ok: true }));
  for (const path of ['/decode', '/:namespace/decode']) answerPost(app, path, options, 'decode');
  if (encode) for (const path of ['/encode', '/:namespace/encode']) answerPost(app, path, options, 'encode');

  try {
    await app.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw fault('KEYTURN_PORT_IN_USE', port, 'the codec server');
    throw error;
  }
  const bound = (app.server.address() as AddressInfo).port;
  const name = host.includes(':') ? `[${host}]` : host;
  return { url: `http://${name}:${bound}`, close: () => app.close() };
}

/** What every request passes before any of its body is read. */
function guard(app: FastifyInstance, { origins, admit, log }: CodecServerOptions): void {
  const waitMs = rateLimit({ ...limits, now: Date.now });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('Cache-Control', 'no-store').header('X-Content-Type-Options', 'nosniff');
    const allowed = isAllowedPage(origins, request, reply);
    if (allowed && isPreflight(request)) return answerPreflight(reply);
    if (request.routeOptions.url === '/healthz') return undefined;
    const wait = waitMs(request.ip);
    if (wait > 0) {
      reply.header('Retry-After', String(Math.ceil(wait / 1_000)));
      throw fault('KEYTURN_CODEC_BUSY');
    }
    if (!allowed) throw fault('KEYTURN_CODEC_ORIGIN');
    if (admit === 'local page') requireLocalPage(request);
    return undefined;
  });
  app.setNotFoundHandler((_, reply) => reply.code(404).send(notFound));
  app.setErrorHandler((error, request, reply) => {
    const { status, told, why } = refusal(error);
    // Who floods is not given a second flood, of log lines.
    if (status !== 429) log.warn({ status, code: told.code, why, client: request.ip }, 'refused');
    if (status === 401) reply.header('WWW-Authenticate', 'Bearer');
    return reply.code(status).send({ ...told, ...asTheyCame(request.body) });
  });
}

const notFound = fault('KEYTURN_CODEC_REQUEST', 'there is only POST /decode and POST /NAMESPACE/decode').toJSON();

/** Clients that look at no status show what they were answered: the ciphertext. */
function asTheyCame(body: unknown): { payloads?: unknown } {
  const payloads = (body as { payloads?: unknown } | null | undefined)?.payloads;
  return payloads === undefined ? {} : { payloads };
}

type Post = { Params: { namespace?: string } };

const conversions = { decode: decodePayloads, encode: encodePayloads };

function answerPost(
  app: FastifyInstance,
  path: string,
  { keyring, admit, log }: CodecServerOptions,
  action: keyof typeof conversions,
): void {
  app.post<Post>(path, async ({ params, headers, body }): Promise<{ payloads: PayloadJson[] }> => {
    const namespace = params.namespace ?? (String(headers['x-namespace'] ?? '') || usualNamespace);
    if (namespace.length > maxNamespaceLength) throw fault('KEYTURN_CODEC_REQUEST', 'no namespace has so long a name');
    const who = admit === 'local page' ? 'local page' : await admit(headers.authorization, namespace);
    const { payloads, keyIds }: Converted = await conversions[action](
      payloadCodec(keyring, namespace),
      payloadsIn(body),
    );
    log.info({ who, namespace, payloads: payloads.length, keyIds }, `${action}d`);
    return { payloads };
  });
}
