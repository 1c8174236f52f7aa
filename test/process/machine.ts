import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectTemporal, type Environment } from '../../client/temporal.ts';
import { type KeyturnPaths, keyturnPaths } from '../../config/paths.ts';
import { type Connections, openConnections } from '../../connections/registry.ts';
import { type DevServer, type DevServerOptions, startDevServer } from '../../engine/dev-server.ts';
import { setupNamespace } from '../../engine/setup.ts';
import type { Keyring } from '../../keyring/keyring.ts';
import { openKeyring } from '../../keyring/keyring-source.ts';
import { secretsHere } from '../../secrets/read-reference.ts';
import { searchAttributeTypes } from '../../workflows/search-attributes.ts';
import type { CommandRun } from '../run-keyturn.ts';
import { openVaultByOwner, type VaultByOwner } from '../stores/by-owner.ts';

/** A machine of its own: data, cache and configuration in one temporary folder. */
export type Machine = {
  folder: string;
  paths: KeyturnPaths;
  /** What a program on this machine finds in its environment. */
  env: Environment;
  keyring: Keyring;
  vault: VaultByOwner;
  connections: Connections;
  /** Every secret that was made for it: those of keys, and management keys. Nothing else may hold one (everywhere.ts). */
  secrets: string[];
  /** The commands that were run on it, and what they printed. */
  runs: CommandRun[];
  remove(): Promise<void>;
};

export async function newMachine(): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-process-'));
  const env = {
    PATH: process.env.PATH,
    // Temporal's tools read profiles below it.
    HOME: folder,
    XDG_DATA_HOME: join(folder, 'data'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_STATE_HOME: join(folder, 'state'),
    KEYTURN_PACE: 'simulator',
    KEYTURN_HEALTH_PORT: '0',
    // A test program looks like a person's terminal to nobody.
    NO_COLOR: '1',
  };
  const paths = keyturnPaths(env);
  await mkdir(paths.logsDir, { recursive: true });
  const keyring = await openKeyring(paths.keyringFile);
  return {
    folder,
    paths,
    env,
    keyring,
    vault: openVaultByOwner({ file: paths.vaultFile, keyring }),
    connections: openConnections({
      vaultFile: paths.vaultFile,
      keyring: async () => keyring,
      declared: { file: undefined, connections: new Map() },
      secret: secretsHere({ env, folder }),
    }),
    secrets: [],
    runs: [],
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A real Temporal with its data in SQLite, prepared as `keyturn setup` does it. */
export async function startTemporal(
  machine: Machine,
  temporalCli: string,
  { port = 0, dynamicConfig = {} }: { port?: number; dynamicConfig?: DevServerOptions['dynamicConfig'] } = {},
): Promise<DevServer> {
  const { paths, env, keyring } = machine;
  const server = await startDevServer({
    executable: temporalCli,
    env,
    dbFile: paths.temporalDbFile,
    logFile: join(paths.logsDir, 'temporal.log'),
    port,
    dynamicConfig,
    uiPort: false,
  });
  const { connection } = await connectTemporal({ env: {}, address: server.address, keyring });
  await setupNamespace(connection, 'default', { searchAttributes: searchAttributeTypes });
  await connection.close();
  return server;
}
