import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from '../activities/index.ts';
import { connectionQueue, taskQueue as ownQueue, workflowType } from '../workflows/messages.ts';
import { searchAttributes } from '../workflows/search-attributes.ts';
import { commonOptions, type WorkerOptions } from './create-worker.ts';
import type { Pauses } from './pauses.ts';

/** The connections that this machine has now, with their requests a second; Infinity: no limit. */
export type Paces = () => Promise<ReadonlyMap<string, number>>;

export type ConnectionWorkersOptions = Omit<WorkerOptions, 'bundle'> & {
  paces: Paces;
  pauses: Pauses;
  log: Pick<Logger, 'warn'>;
};

/** `close` stops them as a worker's shutdown does: it waits for the steps that run. */
export type ConnectionWorkers = { close(): Promise<void> };

/** How long a connection that was just added may have to wait for its first step. */
const lookMs = 1_000;
/** In how many of these looks Temporal is asked: for pauses nobody here knows of, and for connections that are gone. */
const every = { pauses: 10, unknown: 60 };

/** Of a connection that policies go by and nobody here knows: enough for its steps to fail, which a person then sees. */
const unknownPerSecond = 1;

/**
 * Beside the worker of the policies, one for each connection: it takes that connection's steps, over all workers of the
 * queue as many a second as the connection's pace allows. Temporal counts, and what waits for its turn is in no worker.
 *
 * Connections are looked for while this runs. Those that policies go by and this machine does not have get a worker, too:
 * with none, their steps would wait in silence instead of failing with KEYTURN_CONNECTION_UNKNOWN.
 */
export function startConnectionWorkers(options: ConnectionWorkersOptions): ConnectionWorkers {
  const { connection, namespace, tools, paces, pauses, log, taskQueue = ownQueue } = options;
  const { workflowService: service } = connection;
  const { workflow } = new Client({ connection, namespace });
  const workers = new Map<string, { perSecond: number; worker: Worker; ended: Promise<void> }>();
  const closing = new AbortController();

  async function serve(name: string, perSecond: number): Promise<void> {
    const before = workers.get(name);
    if (before?.perSecond === perSecond) return;
    await stop(name);
    if (closing.signal.aborted) return;
    const worker = await Worker.create({
      ...commonOptions(options),
      taskQueue: connectionQueue(taskQueue, name),
      activities: createActivities(tools),
      ...sizes(perSecond),
    });
    const ended = worker.run().catch((error) => {
      log.warn({ connection: name, err: error }, 'the worker of a connection has failed; another one is started');
      workers.delete(name);
    });
    workers.set(name, { perSecond, worker, ended });
  }

  async function stop(name: string): Promise<void> {
    const { worker, ended } = workers.get(name) ?? {};
    if (worker?.getState() === 'RUNNING') worker.shutdown();
    await ended;
    workers.delete(name);
  }

  async function serveUnknown(): Promise<void> {
    const known = [...workers.keys()].map((name) => `"${name}"`).join(', ');
    const policies = `WorkflowType = "${workflowType}" AND ExecutionStatus = "Running" AND TaskQueue = "${taskQueue}"`;
    const query = known === '' ? policies : `${policies} AND ${searchAttributes.connection.name} NOT IN (${known})`;
    let served = 0;
    for await (const { typedSearchAttributes } of workflow.list({ query, pageSize: 10 })) {
      const name = typedSearchAttributes.get(searchAttributes.connection);
      // Whoever may start workflows may write there what they like.
      if (name === undefined || !/^[a-z0-9-]{1,48}$/.test(name) || workers.has(name)) continue;
      await serve(name, unknownPerSecond);
      served += 1;
      if (served === 10) break;
    }
  }

  async function tendPauses(all: boolean): Promise<void> {
    for (const name of workers.keys()) {
      const queue = { service, namespace, name: connectionQueue(taskQueue, name) };
      if (all || pauses.isKnown(queue)) await pauses.tend(queue);
    }
  }

  async function serveKnown(): Promise<void> {
    for (const [name, perSecond] of await paces()) await serve(name, perSecond);
  }

  const said = new Set<string>();
  /** A vault that is locked, a server that restarts or knows no limits: tried again, and said once. */
  async function tried(work: Promise<void>): Promise<void> {
    await work.catch((error: Error) => {
      if (!said.has(error.message)) log.warn({ err: error }, 'connections are not served as they should be');
      said.add(error.message);
    });
  }

  const looking = (async () => {
    for (let n = 0; !closing.signal.aborted; n += 1) {
      await tried(serveKnown());
      if (n % every.unknown === 0) await tried(serveUnknown());
      await tried(tendPauses(n % every.pauses === 0));
      await sleep(lookMs, undefined, { signal: closing.signal }).catch(() => {});
    }
  })();

  return {
    async close() {
      closing.abort();
      await looking;
      await Promise.all([...workers.keys()].map(stop));
    },
  };
}

/**
 * Places are for steps that have had their turn: most take one request, a new key is tried for a quarter of a minute. A
 * poll is a request that stays open at the server, and hands out a step in milliseconds.
 */
function sizes(perSecond: number) {
  const isPaced = Number.isFinite(perSecond);
  return {
    ...(isPaced ? { maxTaskQueueActivitiesPerSecond: perSecond } : {}),
    maxConcurrentActivityTaskExecutions: isPaced ? 20 + Math.ceil(5 * perSecond) : 200,
    maxConcurrentActivityTaskPolls: isPaced ? 2 + Math.floor(perSecond / 10) : 10,
  };
}
