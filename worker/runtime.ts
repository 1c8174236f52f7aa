import { DefaultLogger, type LogEntry, type LogLevel, Runtime } from '@temporalio/worker';
import type pino from 'pino';
import { fault } from '../errors/keyturn-error.ts';

const levels: Record<LogLevel, pino.Level> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
};

/**
 * Temporal's runtime: it logs by `logger`, and `GET http://METRICS_ADDRESS/metrics` has the SDK's metrics where there is
 * one. Once a process, before anything of the SDK is used.
 *
 * @throws KEYTURN_PORT_IN_USE
 */
export function installRuntime(logger: pino.Logger, metricsAddress: string | null): void {
  try {
    install(logger, metricsAddress);
  } catch (error) {
    // The core says it in words only.
    if (metricsAddress === null || !/in use/.test(String(error))) throw error;
    throw fault('KEYTURN_PORT_IN_USE', Number(metricsAddress.split(':').at(-1)), 'metrics');
  }
}

function install(logger: pino.Logger, metricsAddress: string | null): void {
  Runtime.install({
    logger: new DefaultLogger('INFO', (entry: LogEntry) => {
      const fields = Object.fromEntries(Object.entries(entry.meta ?? {}).filter(([name]) => name !== 'failure'));
      logger[levels[entry.level]](fields, entry.message);
    }),
    telemetryOptions: {
      logging: { forward: {}, filter: { core: 'WARN', other: 'WARN' } },
      ...(metricsAddress === null ? {} : { metrics: { prometheus: { bindAddress: metricsAddress } } }),
    },
  });
}
