import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NativeConnection } from '@temporalio/worker';
import type { Tools } from '../activities/tools.ts';
import { connectTemporal, type Temporal } from '../client/temporal.ts';
import { type KeyturnPaths, keyturnPaths } from '../config/paths.ts';
import { startDevServer } from '../engine/dev-server.ts';
import { findDevServer } from '../engine/find-dev-server.ts';
import type { Progress } from '../engine/progress.ts';
import { setupNamespace } from '../engine/setup.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { openKeyring } from '../keyring/keyring-source.ts';
import { startConnectionWorkers } from '../worker/connection-workers.ts';
import { createWorker } from '../worker/create-worker.ts';
import { createPauses } from '../worker/pauses.ts';
import { type WorkflowBundle, workflowBundle } from '../worker/workflow-bundle.ts';
import { searchAttributeTypes } from '../workflows/search-attributes.ts';
import { tempFolder } from './temp-folder.ts';

/** A development server with its data in memory; workers on it as production makes them, each with its task queue. */
export type Stack = {
  address: string;
  /** Keyring, vault and all else of these workers and clients, in a temp folder. */
  paths: KeyturnPaths;
  keyring: Keyring;
  bundle: WorkflowBundle;
  /** A connection of the client library whose policies live on this task queue. */
  client(taskQueue: string): Promise<Temporal>;
  /** Runs a worker in this process for as long as `work` takes. */
  withWorker<T>(taskQueue: string, tools: Tools, work: (temporal: Temporal) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/** For the benchmarks that are about something else than the pace. */
export const asFastAsItCan = {
  paces: async () => new Map([['main', Number.POSITIVE_INFINITY]]),
  pauses: createPauses(),
};

/** Path of Temporal's command line program, fetched if it must be: no figure counts that. */
export async function findTemporal(progress: Progress): Promise<string> {
  const { path } = await findDevServer({ env: process.env, cacheDir: keyturnPaths(process.env).cacheDir, progress });
  return path;
}

export async function startStack(executable: string): Promise<Stack> {
  const paths = keyturnPaths({ HOME: tempFolder() });
  const keyring = await openKeyring(paths.keyringFile);
  const server = await startDevServer({
    executable,
    env: { ...process.env, HOME: homedir() },
    logFile: join(paths.logsDir, 'temporal.log'),
    port: 0,
    uiPort: false,
  });
  const { address } = server;
  const client = (taskQueue: string) => {
    // Patient: a benchmark fills the worker's queue on purpose.
    return connectTemporal({ env: {}, address, keyring, taskQueue, answerTimeoutMs: 120_000 });
  };
  const bundle = await bundleBenchWorkflows();
  const { connection, namespace } = await client('none');
  await setupNamespace(connection, namespace, { searchAttributes: searchAttributeTypes });
  await connection.close();

  return {
    address,
    paths,
    keyring,
    bundle,
    client,
    async withWorker(taskQueue, tools, work) {
      const native = await NativeConnection.connect({ address });
      const temporal = await client(taskQueue);
      try {
        const ours = { connection: native, namespace, tools, taskQueue };
        const worker = await createWorker({ ...ours, bundle });
        const ofConnections = startConnectionWorkers({ ...ours, ...asFastAsItCan, log: { warn: console.error } });
        try {
          return await worker.runUntil(() => work(temporal));
        } finally {
          await ofConnections.close();
        }
      } finally {
        await temporal.connection.close();
        await native.close();
      }
    },
    close: () => server.close(),
  };
}

/** The real workflow and what it is compared with, bundled as production does it. */
export async function bundleBenchWorkflows(): Promise<WorkflowBundle> {
  return workflowBundle(fileURLToPath(new URL('./workflows.ts', import.meta.url)));
}
