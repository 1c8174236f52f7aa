import type { FastifyRequest } from 'fastify';
import { fault } from '../errors/keyturn-error.ts';

const names = ['127.0.0.1', 'localhost', '[::1]'];

/** Of an address to listen on or the name in a URL. */
export function isLoopback(host: string): boolean {
  return names.includes(host) || host === '::1';
}

/**
 * For a server that asks for no token: only pages of the local Web UI, under a name that is this machine's. A page of
 * elsewhere whose name was made to lead here (DNS rebinding) still carries its own name.
 *
 * @throws KEYTURN_CODEC_NOT_LOCAL
 */
export function requireLocalPage(request: FastifyRequest): void {
  if (request.headers.origin === undefined || !isLoopback(request.hostname)) throw fault('KEYTURN_CODEC_NOT_LOCAL');
}
