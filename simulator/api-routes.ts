import type { FastifyInstance, RouteHandlerMethod } from 'fastify';
import type { OperationHandler } from './exchange.ts';
import type { Operation } from './injection-rule.ts';

type Path = { method: 'GET' | 'POST' | 'PATCH' | 'DELETE'; url: string; operation: Operation };

const paths: readonly Path[] = [
  { method: 'POST', url: '/keys', operation: 'createKey' },
  { method: 'GET', url: '/keys', operation: 'listKeys' },
  { method: 'GET', url: '/keys/:hash', operation: 'getKey' },
  { method: 'PATCH', url: '/keys/:hash', operation: 'patchKey' },
  { method: 'DELETE', url: '/keys/:hash', operation: 'deleteKey' },
  { method: 'GET', url: '/key', operation: 'currentKey' },
  { method: 'GET', url: '/credits', operation: 'credits' },
  { method: 'GET', url: '/workspaces', operation: 'workspaces' },
  { method: 'GET', url: '/workspaces/:id', operation: 'workspaces' },
  { method: 'POST', url: '/chat/completions', operation: 'chat' },
];

/** What does each operation. */
export type Operations = Record<Operation, OperationHandler>;

/** Which request is which operation. */
export function apiRoutes(serve: (operation: Operation) => RouteHandlerMethod) {
  return async (app: FastifyInstance): Promise<void> => {
    for (const { method, url, operation } of paths) app.route({ method, url, handler: serve(operation) });
  };
}
