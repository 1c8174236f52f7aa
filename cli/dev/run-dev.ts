import pc from 'picocolors';
import { connect } from '../../client/keyturn.ts';
import { type ConnectOptions, connectTemporal } from '../../client/temporal.ts';
import { keyturnPaths } from '../../config/paths.ts';
import type { DevServer } from '../../engine/dev-server.ts';
import { openMachine } from '../../machine/open-machine.ts';
import { announceAddress } from '../dev-address.ts';
import { calledAs } from '../invocation.ts';
import { print, whenNobodyReads } from '../print.ts';
import { setUp } from '../set-up.ts';
import type { DevOptions } from './dev-options.ts';
import { requireOneWorld } from './one-world.ts';
import { showPolicies } from './show-policies.ts';
import { chooseCodecPort, startLocalCodecServer } from './start-codec-server.ts';
import { startEngine } from './start-engine.ts';
import { startLocalSimulator } from './start-local-simulator.ts';
import { startWorkerProcess } from './worker-process.ts';

/** A person at a terminal presses Ctrl-C; a terminal closes; a supervisor asks. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Everything on this machine, until it is asked to stop: then everything is stopped, in the reverse order.
 *
 * @throws KEYTURN_ENGINE_IN_USE another `keyturn dev` runs on this data folder
 * @throws KEYTURN_DATA_MIXED the data folder is for the simulator and live was asked for, or the other way round
 * @throws what the engine, the simulator and the vault throw
 */
export async function runDev(options: DevOptions): Promise<void> {
  const running = new AsyncDisposableStack();
  const stopping = new AbortController();
  const hurry = new AbortController();
  const onSignal = () => {
    if (stopping.signal.aborted) hurry.abort();
    else print('\nStopping; Ctrl-C again to hurry …');
    stopping.abort();
  };
  for (const signal of stopSignals) process.on(signal, onSignal);
  whenNobodyReads(() => stopping.abort());
  try {
    const engine = await bringUp(options, running, { stopping: stopping.signal, hurry: hurry.signal });
    const problem = await Promise.race([engine.ended, aborted(stopping.signal)]);
    if (problem !== undefined) throw problem;
  } catch (error) {
    // What breaks because it is being stopped is no failure.
    if (!stopping.signal.aborted) throw error;
  } finally {
    await running.disposeAsync();
    for (const signal of stopSignals) process.off(signal, onSignal);
  }
}

type Signals = { stopping: AbortSignal; hurry: AbortSignal };

async function bringUp(options: DevOptions, running: AsyncDisposableStack, signals: Signals): Promise<DevServer> {
  const { env, live } = options;
  const { stopping } = signals;
  const paths = keyturnPaths(env);
  await requireOneWorld(live, paths);

  // First, because it holds the lock on the data folder.
  const codecPort = await chooseCodecPort(options);
  const engine = await startEngine(options, paths, codecPort, stopping);
  running.defer(() => engine.close());
  stopping.throwIfAborted();
  // The environment says nothing about this Temporal: it is ours.
  const ours = {
    env: {},
    address: engine.address,
    keyring: await (await openMachine({ env, cwd: process.cwd(), paths })).keyring(),
  };
  await setUpEngine(ours);
  running.defer(await startLocalCodecServer({ port: codecPort, uiUrl: String(engine.uiUrl), ...ours }, paths));

  if (!live) running.defer(await startLocalSimulator(options, paths));
  stopping.throwIfAborted();
  // The worker reads its connections when it is asked to do something: they are in place before it is.
  running.defer(await startWorkerProcess({ env, live, address: engine.address, paths, ...signals }));
  running.defer(announceAddress(paths.dataDir, engine.address));

  const keyturn = await connect(ours);
  const shown = showPolicies(keyturn, live, stopping);
  // A connection that is closed over a question brings the process down.
  running.defer(() => shown.catch(() => {}).then(() => keyturn.close()));
  await shown;
  print(readyText(engine, live));
  return engine;
}

async function setUpEngine(ours: ConnectOptions): Promise<void> {
  const temporal = await connectTemporal(ours);
  try {
    await setUp(temporal);
  } finally {
    await temporal.connection.close();
  }
}

function readyText({ address, uiUrl }: DevServer, live: boolean): string {
  const tryThese = live
    ? ['connection add main', 'apply -f POLICY.yaml --wait', 'list']
    : ['status demo', 'rotate demo --wait', 'history demo', 'secret get demo'];
  return [
    `${pc.bold('Keyturn is ready.')} Web UI: ${uiUrl}`,
    `Temporal is at ${address}. In a second terminal:`,
    ...tryThese.map((words) => `  ${calledAs} ${words}`),
    'Ctrl-C stops everything.',
  ].join('\n');
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
