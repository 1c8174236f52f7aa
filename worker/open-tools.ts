import { CancelledFailure, Context, sleep } from '@temporalio/activity';
import type { StepSettings, Tools } from '../activities/tools.ts';
import { readKeyturnYaml } from '../config/keyturn-yaml.ts';
import type { KeyturnPaths } from '../config/paths.ts';
import { type Connections, openConnections } from '../connections/registry.ts';
import { fault } from '../errors/keyturn-error.ts';
import { openVaultKeyring } from '../keyring/machine-keyring.ts';
import { createManagementClient, type ManagementClient } from '../openrouter/client.ts';
import { digestOf } from '../secrets/secret.ts';
import { openLocalVault } from '../stores/local-vault.ts';
import type { SecretStore } from '../stores/secret-store.ts';
import type { Environment } from './config.ts';

export type OpenToolsOptions = {
  paths: KeyturnPaths;
  env: Environment;
  cwd: string;
  settings: StepSettings;
  /** Between two management requests of a connection; see openrouter/client.ts. */
  minIntervalMs: number;
};

/** The real tools: keyring, vault and connections of this machine. */
export async function openTools(options: OpenToolsOptions): Promise<Tools> {
  const { paths, env, cwd, settings, minIntervalMs } = options;
  const keyring = await openVaultKeyring(env, paths);
  const stores = new Map<string, SecretStore>([['local', openLocalVault({ file: paths.vaultFile, keyring })]]);
  const declared = await readKeyturnYaml({ env, cwd, configDir: paths.configDir });
  const connections = openConnections({ vaultFile: paths.vaultFile, keyring, declared, env });
  return {
    openrouter: clientsOf(connections, minIntervalMs),
    store: (name) => {
      const store = stores.get(name);
      if (store === undefined) throw fault('KEYTURN_STORE_UNKNOWN', name, [...stores.keys()]);
      return store;
    },
    keyring,
    settings,
    now: Date.now,
    wait,
  };
}

/** One client a connection, so that its pace is kept; a new one when the connection's key or address was replaced. */
function clientsOf(connections: Connections, minIntervalMs: number): Tools['openrouter'] {
  const clients = new Map<string, { made: string; client: ManagementClient }>();
  return async (name) => {
    const { baseUrl, managementKey } = await connections.get(name);
    const made = `${baseUrl} ${digestOf(managementKey)}`;
    const known = clients.get(name);
    if (known?.made === made) return known.client;
    const client = createManagementClient({ connection: name, baseUrl, managementKey, minIntervalMs });
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
