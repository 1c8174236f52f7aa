import { DefaultLogger, type LogEntry, type LogLevel, Runtime } from '@temporalio/worker';
import pino from 'pino';
import { scrub } from '../codec/redaction.ts';

const levels: Record<LogLevel, pino.Level> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
};

/**
 * One JSON line an event on standard output, for the worker and Temporal's runtime alike. Of an error only its name and
 * message are written: what hangs on it may be a request.
 */
export function createLogger(level: string): pino.Logger {
  return pino({
    level,
    base: { name: 'keyturn' },
    serializers: { err: errorFields, error: errorFields },
    hooks: { streamWrite: scrub },
  });
}

/** Once a process, before anything of the SDK is used. */
export function installRuntime(logger: pino.Logger): void {
  Runtime.install({
    logger: new DefaultLogger('INFO', (entry: LogEntry) => {
      const fields = Object.fromEntries(Object.entries(entry.meta ?? {}).filter(([name]) => name !== 'failure'));
      logger[levels[entry.level]](fields, entry.message);
    }),
    telemetryOptions: { logging: { forward: {}, filter: { core: 'WARN', other: 'WARN' } } },
  });
}

function errorFields(error: unknown): unknown {
  return error instanceof Error ? { name: error.name, message: error.message } : undefined;
}
