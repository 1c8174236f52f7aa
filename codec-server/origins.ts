import type { FastifyReply, FastifyRequest } from 'fastify';

/** `Authorization-Extras` is not read here, but the Web UI sends it beside the access token and asks whether it may. */
const allowedHeaders = 'X-Namespace, Content-Type, Authorization, Authorization-Extras';
/** Browsers ask again after it whether they may; Chromium takes no more than two hours. */
const preflightMaxAgeS = 7_200;

/**
 * Whether the request may be done for the page it comes from: one of exactly these origins. Requests without an origin
 * do not come from a page. Only an allowed page gets CORS headers, and so reads the answer, refusals included.
 */
export function isAllowedPage(origins: readonly string[], request: FastifyRequest, reply: FastifyReply): boolean {
  const { origin } = request.headers;
  reply.header('Vary', 'Origin');
  if (origin === undefined) return true;
  if (!origins.includes(origin)) return false;
  reply.header('Access-Control-Allow-Origin', origin);
  return true;
}

/** A browser's question whether the page may send what it is about to send. */
export function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined;
}

export function answerPreflight(reply: FastifyReply): FastifyReply {
  return reply
    .code(204)
    .header('Access-Control-Allow-Methods', 'POST')
    .header('Access-Control-Allow-Headers', allowedHeaders)
    .header('Access-Control-Max-Age', String(preflightMaxAgeS))
    .send();
}
