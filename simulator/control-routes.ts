import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type Control, ControlError } from './control.ts';
import {
  clockSchema,
  creditsSchema,
  outageSchema,
  reachedSchema,
  spendSchema,
  workspaceSchema,
} from './control-input.ts';
import { injectionRuleSchema } from './injection-rule.ts';
import type { Injection } from './injections.ts';
import { settingsPatchSchema } from './settings.ts';

type OfKey = { Params: { hash: string } };
type OfId = { Params: { id: string } };

/**
 * The control endpoint: the functions of Control as JSON over HTTP, for tests in other processes.
 * Bodies are the arguments of those functions.
 */
export function controlRoutes(control: Control, closing: AbortSignal) {
  return async (app: FastifyInstance): Promise<void> => {
    app.setErrorHandler(async (error, _request, reply) => {
      const status = error instanceof ControlError ? error.status : error instanceof z.ZodError ? 400 : 500;
      const message = error instanceof z.ZodError ? z.prettifyError(error) : String((error as Error).message);
      return reply.code(status).send({ error: { message } });
    });

    app.post('/injections', async ({ body }, reply) =>
      reply.code(201).send(control.injections.add(injectionRuleSchema.parse(input(body))).status()),
    );
    app.get('/injections', async () => ({ injections: control.injections.list() }));
    app.delete('/injections', async () => {
      control.injections.clear();
      return {};
    });
    app.post('/injections/release', async () => ({ released: control.injections.release() }));
    app.get<OfId>('/injections/:id', async ({ params }) => injectionOf(params.id).status());
    app.get<OfId>('/injections/:id/reached', async ({ params, query }, reply) => {
      const injection = injectionOf(params.id);
      const { hits, timeoutMs } = reachedSchema.parse(query);
      try {
        await injection.reachedTimes(hits, AbortSignal.any([closing, AbortSignal.timeout(timeoutMs)]));
      } catch {
        return reply.code(408).send({ error: { message: `Not hit ${hits} times within ${timeoutMs} ms.` } });
      }
      return injection.status();
    });
    app.post<OfId>('/injections/:id/release', async ({ params }) => ({ released: injectionOf(params.id).release() }));
    app.delete<OfId>('/injections/:id', async ({ params }) => {
      injectionOf(params.id).remove();
      return {};
    });

    app.get('/settings', async () => control.settings());
    app.patch('/settings', async ({ body }) => {
      control.set(settingsPatchSchema.parse(input(body)));
      return control.settings();
    });

    app.get('/outage', async () => ({ active: control.outage.active() }));
    app.post('/outage', async ({ body }) => {
      control.outage.start(outageSchema.parse(input(body)));
      return { active: true };
    });
    app.delete('/outage', async () => {
      control.outage.end();
      return { active: false };
    });

    const clockNow = () => ({ now: new Date(control.clock.now()).toISOString() });
    app.get('/clock', async () => clockNow());
    app.post('/clock', async ({ body }) => {
      const { advanceMs, at, frozen } = clockSchema.parse(input(body));
      if (at !== undefined) control.clock.set(at);
      if (advanceMs !== undefined) control.clock.advance(advanceMs);
      if (frozen === true) control.clock.freeze();
      if (frozen === false) control.clock.run();
      return clockNow();
    });

    app.get('/management-keys', async () => ({ managementKeys: control.managementKeys.list() }));
    app.post('/management-keys', async (_request, reply) => reply.code(201).send(control.managementKeys.add()));
    app.delete('/management-keys', async () => {
      control.managementKeys.revoke();
      return {};
    });
    app.delete<OfId>('/management-keys/:id', async ({ params }) => {
      control.managementKeys.revoke(params.id);
      return {};
    });

    app.get('/workspaces', async () => ({ workspaces: control.workspaces.list() }));
    app.post('/workspaces', async ({ body }, reply) =>
      reply.code(201).send(control.workspaces.add(workspaceSchema.parse(input(body)))),
    );
    app.put('/credits', async ({ body }) => {
      const { bought } = creditsSchema.parse(input(body));
      control.setCredits(bought);
      return { bought };
    });

    app.post<OfKey>('/keys/:hash/disable', async ({ params }) => {
      control.keys.disable(params.hash);
      return {};
    });
    app.post<OfKey>('/keys/:hash/enable', async ({ params }) => {
      control.keys.enable(params.hash);
      return {};
    });
    app.post<OfKey>('/keys/:hash/spend', async ({ params, body }) => {
      control.keys.spend(params.hash, spendSchema.parse(input(body)));
      return {};
    });
    app.delete<OfKey>('/keys/:hash', async ({ params }) => {
      control.keys.delete(params.hash);
      return {};
    });

    app.get('/ledger', async () => control.ledger());
    app.get('/ledger/live', async () => ({ keys: control.liveKeys() }));
  };

  function injectionOf(id: string): Injection {
    const injection = control.injections.get(Number(id));
    if (!injection) throw new ControlError(404, `There is no injection ${id}.`);
    return injection;
  }
}

/** No body is an empty one. */
function input(body: unknown): Record<string, unknown> {
  if (typeof body !== 'string' || body === '') return {};
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(body));
  } catch {
    throw new ControlError(400, 'The body is no JSON object.');
  }
}
