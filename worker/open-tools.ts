import { CancelledFailure, Context, sleep } from '@temporalio/activity';
import type { StepSettings, Tools } from '../activities/tools.ts';
import type { KeyturnPaths } from '../config/paths.ts';
import type { Connections } from '../connections/registry.ts';
import { openMachine } from '../machine/open-machine.ts';
import { createManagementClient, type ManagementClient } from '../openrouter/client.ts';
import { digestOf } from '../secrets/secret.ts';
import type { Environment } from './config.ts';
import type { Paces } from './connection-workers.ts';
import { temporalLeases } from './leases.ts';
import { createPauses, type Pauses } from './pauses.ts';
import { stillOurs } from './still-ours.ts';
import { resumable, temporalTurns } from './turns.ts';

export type OpenToolsOptions = {
  paths: KeyturnPaths;
  env: Environment;
  cwd: string;
  settings: StepSettings;
  /** Requests a second over a connection that sets none. */
  perSecond: number;
};

/** The tools of the steps, and what the workers of connections go by. */
export type WorkerTools = Tools & { paces: Paces; pauses: Pauses };

/** The real tools: keyring, stores and connections of this machine. */
export async function openTools(options: OpenToolsOptions): Promise<WorkerTools> {
  const { paths, env, cwd, settings, perSecond } = options;
  const machine = await openMachine({ env, cwd, paths, time: { now: Date.now, wait } });
  const { connections, stores } = machine;
  const keyring = await machine.keyring();
  // A vault that this keyring does not open is told at the start, not by the first rotation.
  if (machine.hasLocal()) await machine.local();
  const pauses = createPauses();
  return {
    openrouter: clientsOf(connections, pauses),
    store: stores.get,
    leases: temporalLeases,
    stillOurs,
    keyring,
    settings,
    now: Date.now,
    wait,
    ...resumable,
    paces: async () => {
      const known = await connections.list();
      return new Map(known.map(({ name, requestsPerSecond }) => [name, requestsPerSecond ?? perSecond]));
    },
    pauses,
  };
}

/** One client a connection; a new one when the connection's key or address was replaced. */
function clientsOf(connections: Connections, pauses: Pauses): Tools['openrouter'] {
  const clients = new Map<string, { made: string; client: ManagementClient }>();
  return async (name) => {
    const { baseUrl, managementKey } = await connections.get(name);
    const made = `${baseUrl} ${digestOf(managementKey)}`;
    const known = clients.get(name);
    if (known?.made === made) return known.client;
    const client = createManagementClient({
      connection: name,
      baseUrl,
      managementKey,
      turns: temporalTurns(name, pauses),
    });
    clients.set(name, { made, client });
    // Waits for the requests that are under way with the old key.
    await known?.client.close();
    return client;
  };
}

/** Ends early when the worker shuts down, so that the step is tried again elsewhere instead of being cut off. */
async function wait(ms: number): Promise<void> {
  if (ms > 0) await sleep(ms);
  else if (Context.current().cancellationSignal.aborted) throw new CancelledFailure('the worker shuts down');
}
