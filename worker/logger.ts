import pino from 'pino';
import { scrub } from '../secrets/redaction.ts';

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

function errorFields(error: unknown): unknown {
  return error instanceof Error ? { name: error.name, message: error.message } : undefined;
}
