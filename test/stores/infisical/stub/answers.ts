import { randomBytes } from 'node:crypto';

export type Answer = { status: number; body: unknown; headers?: Record<string, string> };

/** An answer that ends a request. Its `message` may quote what was sent: nobody promises that it does not. */
export class Refused extends Error {
  readonly answer: Answer;

  constructor(status: number, error: string, message: string | object[], details?: unknown) {
    super(error);
    const body = { reqId: requestId(), statusCode: status, message, error, ...(details ? { details } : {}) };
    this.answer = { status, body };
  }
}

function requestId(): string {
  return `req-${randomBytes(7).toString('hex')}`;
}

/** What Fastify says by itself: no request id (facts §1). */
export function routeMissing(method: string, path: string): Answer {
  return { status: 404, body: { message: `Route ${method}:${path} not found`, error: 'Not Found', statusCode: 404 } };
}

export const folderMissing = (name: string, path: string, environment: string) =>
  new Refused(404, name, `Folder with path '${path}' in environment with slug '${environment}' not found`);

export const secretMissing = (name: string, secret: string) =>
  new Refused(404, name, `Secret with name '${secret}' not found`);

export const notAllowed = (action: string) =>
  new Refused(403, 'PermissionDenied', `You are not allowed to ${action} on secrets`, [
    { action, subject: 'secrets', conditions: null },
  ]);
