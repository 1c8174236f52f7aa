import type { AddressInfo } from 'node:net';
import type { Worker } from '@temporalio/worker';
import Fastify from 'fastify';
import { fault } from '../errors/keyturn-error.ts';

export type Health = { port: number; close: () => Promise<void> };

/**
 * `/healthz`: the process answers and its worker has not failed. `/readyz`: it is polling for work.
 *
 * @param port 0 takes a free one
 * @throws KEYTURN_PORT_IN_USE
 */
export async function startHealth(worker: Pick<Worker, 'getState'>, host: string, port: number): Promise<Health> {
  const app = Fastify();
  const answer = (ok: boolean) => ({ ok, state: worker.getState() });
  app.get('/healthz', async (_, reply) => {
    const ok = worker.getState() !== 'FAILED';
    return reply.code(ok ? 200 : 503).send(answer(ok));
  });
  app.get('/readyz', async (_, reply) => {
    const ok = worker.getState() === 'RUNNING';
    return reply.code(ok ? 200 : 503).send(answer(ok));
  });
  try {
    await app.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw fault('KEYTURN_PORT_IN_USE', port, 'health checks');
    throw error;
  }
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() };
}
