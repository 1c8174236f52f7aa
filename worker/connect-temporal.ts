import { setTimeout as sleep } from 'node:timers/promises';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { readTemporalConfig } from '../config/temporal-config.ts';

const retryMs = 2_000;

/**
 * Connects as Temporal's own tools do (`@temporalio/envconfig`). A worker waits for a Temporal that is not there yet, and
 * says so: it is usually started beside it.
 *
 * @throws KEYTURN_TEMPORAL_CONFIG
 */
export async function connectTemporal(
  log: Logger,
  stopped: AbortSignal,
): Promise<{ connection: NativeConnection; namespace: string }> {
  const { connectionOptions, namespace } = readTemporalConfig();
  const options: NativeConnectionOptions = { address: '127.0.0.1:7233', ...connectionOptions };
  for (;;) {
    try {
      return { connection: await NativeConnection.connect(options), namespace: namespace ?? 'default' };
    } catch (error) {
      stopped.throwIfAborted();
      const why = error instanceof Error ? error.message : '';
      log.warn({ address: options.address, why }, 'Temporal does not answer; waiting for it');
      await sleep(retryMs, undefined, { signal: stopped });
    }
  }
}
