import { setTimeout as sleep } from 'node:timers/promises';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import type { Logger } from 'pino';

const retryMs = 2_000;

/**
 * Connects as Temporal's own tools do (`@temporalio/envconfig`). A worker waits for a Temporal that is not there yet, and
 * says so: it is usually started beside it.
 */
export async function connectTemporal(
  log: Logger,
  stopped: AbortSignal,
): Promise<{ connection: NativeConnection; namespace: string }> {
  const { connectionOptions, namespace } = loadClientConnectConfig();
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
