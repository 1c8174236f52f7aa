import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SimulatedClock } from './clock.ts';
import type { Operation } from './injection-rule.ts';
import { withoutSecrets } from './key-secret.ts';

/** One request, written when its connection is done with it. Holds no header and no body, so no secret. */
export type LogLine = {
  /** On the simulator's clock. */
  at: string;
  method: string;
  path: string;
  /** Null for a path that does not exist. */
  operation: Operation | null;
  /** Null if no answer was sent. */
  status: number | null;
  /** Kind and place of the injection it met: `reset after`. */
  injection: string | null;
  /** A mistake of the simulator itself. */
  error: string | null;
  durationMs: number;
};

/** What only the exchange finds out. */
export type Watched = { injection: string | null; error: string | null };

export function createAccessLog(clock: SimulatedClock, log: ((line: LogLine) => void) | undefined) {
  return (request: FastifyRequest, { raw: out }: FastifyReply, operation: Operation | null): Watched => {
    const watched: Watched = { injection: null, error: null };
    if (!log) return watched;
    const startMs = performance.now();
    out.once('close', () => {
      log({
        at: new Date(clock.now()).toISOString(),
        method: request.method,
        path: withoutSecrets(request.url),
        operation,
        status: out.headersSent ? out.statusCode : null,
        ...watched,
        durationMs: Math.round((performance.now() - startMs) * 10) / 10,
      });
    });
    return watched;
  };
}
