import { keyturnPaths } from '../config/paths.ts';
import { buildIdOf } from './build-id.ts';
import { capacityOf, memoryHere } from './capacity.ts';
import { workerConfig } from './config.ts';
import { connectTemporal } from './connect-temporal.ts';
import { startConnectionWorkers } from './connection-workers.ts';
import { createWorker, type WorkerOptions } from './create-worker.ts';
import { startHealth } from './health.ts';
import { leaveNoTraces } from './leave-no-traces.ts';
import { createLogger } from './logger.ts';
import { openTools } from './open-tools.ts';
import { installRuntime } from './runtime.ts';
import { takeLead } from './take-lead.ts';
import { untilPolling } from './until-polling.ts';
import { versioningOn } from './versioning.ts';
import { workflowBundle } from './workflow-bundle.ts';

/** What a parent process is told once the worker polls (`process.send`). */
export type WorkerReady = { ready: true; healthPort: number };

type RunWorkerOptions = Pick<WorkerOptions, 'activityInterceptors' | 'bundle'> & {
  /** Debug switches of libraries that were set in the environment; said in the log. */
  cleared?: readonly string[];
};

/**
 * The worker process, configured by the environment; ends when it is told to (SIGINT, SIGTERM, or a parent that is gone)
 * and its running steps have ended or were handed on.
 *
 * @throws KEYTURN_USAGE, KEYTURN_PORT_IN_USE, and what opening keyring, vault and keyturn.yaml throws
 */
export async function runWorker({ cleared = [], ...options }: RunWorkerOptions = {}): Promise<void> {
  const { env } = process;
  const config = workerConfig(env);
  const log = createLogger(config.logLevel);
  leaveNoTraces(log);
  if (cleared.length > 0) log.warn({ cleared }, 'cleared in the environment: libraries would log what they send');
  const { settings, perSecond } = config;
  const tools = await openTools({ paths: keyturnPaths(env), env, cwd: process.cwd(), settings, perSecond });
  // Not before: its threads keep the process alive, also one that has failed to start.
  installRuntime(log, config.metricsAddress);

  const stop = new AbortController();
  const stopNow = () => stop.abort();
  for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.once(event, stopNow);
  try {
    const { connection, namespace } = await connectTemporal(log, stop.signal);
    const memory = memoryHere();
    const capacity = capacityOf(memory, config.maxCachedPolicies);
    log.info({ memoryMiB: Math.floor(memory.limit / 2 ** 20), ...capacity }, 'sizes of the worker');
    const bundle = options.bundle ?? (await workflowBundle());
    const { versioning: setting } = config;
    const versioning = await versioningOn(
      connection,
      { namespace, setting, buildId: buildIdOf(bundle) },
      log,
      stop.signal,
    );
    const ours = { ...options, connection, namespace, tools, versioning };
    const worker = await createWorker({ ...ours, bundle, capacity });
    const health = await startHealth(worker, config.health.host, config.health.port);
    const ofConnections = startConnectionWorkers({ ...ours, paces: tools.paces, pauses: tools.pauses, log });
    const running = worker.run();
    const shutdown = () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      void ofConnections.close();
    };
    if (stop.signal.aborted) shutdown();
    else stop.signal.addEventListener('abort', shutdown);
    const settled = async () => {
      await untilPolling(connection, worker);
      if (versioning) await takeLead(connection, worker, { ...versioning, always: setting === 'single' }, log);
    };
    await Promise.race([settled(), running]);
    if (worker.getState() === 'RUNNING') {
      const ready: WorkerReady = { ready: true, healthPort: health.port };
      log.info({ healthPort: health.port, namespace, ...versioning }, 'worker ready');
      process.send?.(ready);
    }
    try {
      await running;
    } finally {
      await ofConnections.close();
    }
    await health.close();
    await connection.close();
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  if (process.connected) process.disconnect();
}
