import { dirname } from 'node:path';
import { CancelledFailure, Context, sleep } from '@temporalio/activity';
import type { StepSettings, Tools } from '../activities/tools.ts';
import { readKeyturnYaml } from '../config/keyturn-yaml.ts';
import type { KeyturnPaths } from '../config/paths.ts';
import { type Connections, openConnections } from '../connections/registry.ts';
import { openVaultKeyring } from '../keyring/machine-keyring.ts';
import { createManagementClient, type ManagementClient } from '../openrouter/client.ts';
import { digestOf } from '../secrets/secret.ts';
import { openLocalVault } from '../stores/local/local-vault.ts';
import { openStores } from '../stores/open-stores.ts';
import type { Store } from '../stores/store.ts';
import type { Environment } from './config.ts';
import type { Paces } from './connection-workers.ts';
import { temporalLeases } from './leases.ts';
import { createPauses, type Pauses } from './pauses.ts';
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

/** The real tools: keyring, vault and connections of this machine. */
export async function openTools(options: OpenToolsOptions): Promise<WorkerTools> {
  const { paths, env, cwd, settings, perSecond } = options;
  const keyring = await openVaultKeyring(env, paths);
  const declared = await readKeyturnYaml({ env, cwd, configDir: paths.configDir });
  const connections = openConnections({ vaultFile: paths.vaultFile, keyring, declared, env });
  const pauses = createPauses();
  let vault: Store | undefined;
  const local = () => {
    vault ??= openLocalVault({ file: paths.vaultFile, keyring });
    return vault;
  };
  const folder = declared.file === undefined ? cwd : dirname(declared.file);
  const stores = openStores({ declared: declared.stores, folder, env, local, time: { now: Date.now, wait } });
  return {
    openrouter: clientsOf(connections, pauses),
    store: stores.get,
    leases: temporalLeases,
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
