import '../quiet-runtime.ts';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NativeConnection } from '@temporalio/worker';
import { inject } from 'vitest';
import { connect, type Keyturn } from '../../client/keyturn.ts';
import type { DevServerOptions } from '../../engine/dev-server.ts';
import { Secret } from '../../secrets/secret.ts';
import { type LogLine, type Simulator, startSimulator } from '../../simulator/index.ts';
import { workerConfig } from '../../worker/config.ts';
import { startConnectionWorkers } from '../../worker/connection-workers.ts';
import { createWorker } from '../../worker/create-worker.ts';
import { openTools } from '../../worker/open-tools.ts';
import { untilPolling } from '../../worker/until-polling.ts';
import { type WorkflowBundle, workflowBundle } from '../../worker/workflow-bundle.ts';
import { expectNoLeak, machineFiles, ownersFile, requireNone } from './everywhere.ts';
import { type Machine, newMachine, startTemporal } from './machine.ts';
import { expectReplays } from './replays.ts';
import { openSecondStore, type SecondStore, withSecondStore } from './second-store.ts';
import { findLeaks } from './secret-scan.ts';
import { type OnMoment, stepHook } from './step-hook.ts';

/** A machine with an OpenRouter account and a worker (in this process) of its own, over a Temporal it shares. */
export type World = Machine & {
  simulator: Simulator;
  /** Every request that the simulator has answered, oldest first. */
  requests: LogLine[];
  keyturn: Keyturn;
  /** A store beside `local`. */
  second: SecondStore;
  /** Called around each step. Replace it to change the world there. */
  onMoment: OnMoment;
  close(): Promise<void>;
};

/** One Temporal for all the worlds of a test file. `dynamicConfig`: settings of the server, limits for instance. */
export async function shareTemporal(dynamicConfig: DevServerOptions['dynamicConfig'] = {}) {
  const machine = await newMachine();
  const temporal = await startTemporal(machine, inject('temporalCli'), { dynamicConfig });
  const { address } = temporal;
  const connection = await NativeConnection.connect({ address });
  const bundle = await workflowBundle();
  const { secrets } = machine;
  let worlds = 0;
  return {
    /** `declared`: its connection stands in keyturn.yaml instead of the vault. */
    newWorld: ({ declared = false } = {}) =>
      newWorld({ address, connection, bundle, secrets, taskQueue: `world ${++worlds}` }, declared),
    async close() {
      await connection.close();
      await temporal.close();
      try {
        requireNone(findLeaks(await machineFiles(machine), secrets));
      } finally {
        await machine.remove();
      }
    },
  };
}

type Shared = {
  address: string;
  connection: NativeConnection;
  bundle: WorkflowBundle;
  taskQueue: string;
  /** Those of all worlds: none may be in Temporal's database. */
  secrets: string[];
};

async function newWorld(
  { address, connection, bundle, taskQueue, secrets: all }: Shared,
  declared: boolean,
): Promise<World> {
  const requests: LogLine[] = [];
  const machine = await newMachine();
  const { secrets } = machine;
  const simulator = await startSimulator({
    log: (line) => requests.push(line),
    issued: (secret) => secrets.push(secret),
  });
  secrets.push(simulator.managementKey);
  if (declared) await declareMain(machine, simulator);
  else await connectMain(machine, simulator.url, simulator.managementKey);
  const second = openSecondStore(machine);
  const tools = withSecondStore(await toolsOf(machine), second);
  const ours = {
    connection,
    namespace: 'default',
    tools,
    taskQueue,
    activityInterceptors: [stepHook((moment) => world.onMoment(moment))],
  };
  const worker = await createWorker({ ...ours, bundle });
  const ofConnections = startConnectionWorkers({ ...ours, ...tools, log: { warn: console.error } });
  const running = worker.run();
  await untilPolling(connection, worker);
  const keyturn = await connect({ env: {}, address, keyring: machine.keyring, taskQueue });
  const world: World = {
    ...machine,
    simulator,
    requests,
    keyturn,
    second,
    onMoment: async () => {},
    async close() {
      worker.shutdown();
      await Promise.all([running, ofConnections.close()]);
      await keyturn.close();
      await simulator.close();
      all.push(...secrets);
      try {
        const searched = { ...machine, requests, at: { address, taskQueue } };
        await expectNoLeak(searched);
        await expectReplays(searched);
      } finally {
        await machine.remove();
      }
    },
  };
  return world;
}

/** The steps' real tools, as the worker of this machine has them. */
export async function toolsOf({ paths, env, folder }: Machine) {
  const { settings, perSecond } = workerConfig(env);
  return openTools({ paths, env, cwd: folder, settings, perSecond });
}

/** Puts the management key of connection `main` in place, or another one in its place. */
export async function connectMain({ connections }: Machine, baseUrl: string, managementKey: string): Promise<void> {
  await connections.add('main', { managementKey: new Secret(managementKey), baseUrl, replace: true });
}

async function declareMain({ folder }: Machine, { url, managementKey }: Simulator): Promise<void> {
  await writeFile(join(folder, ownersFile), managementKey, { mode: 0o600 });
  await writeFile(join(folder, 'keyturn.yaml'), `connections:\n  main: { file: ./${ownersFile}, baseUrl: "${url}" }\n`);
}
