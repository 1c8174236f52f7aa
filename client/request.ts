import type { Temporal } from './temporal.ts';
import { temporalError } from './temporal-error.ts';

/** How long Temporal itself may take for a request that needs no worker. */
export const requestTimeoutMs = 10_000;

/**
 * A request that Temporal's server answers by itself.
 *
 * @throws KEYTURN_TEMPORAL_UNREACHABLE, KEYTURN_TEMPORAL_REFUSED, KEYTURN_NAMESPACE_UNKNOWN, KEYTURN_NOT_SET_UP
 */
export async function request<Answer>(temporal: Temporal, send: () => Promise<Answer>): Promise<Answer> {
  try {
    return await temporal.connection.withDeadline(Date.now() + requestTimeoutMs, send);
  } catch (error) {
    throw temporalError(error, { ...temporal, waitedMs: requestTimeoutMs });
  }
}
