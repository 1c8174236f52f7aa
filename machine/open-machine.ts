import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { type KeyturnYaml, readKeyturnYaml } from '../config/keyturn-yaml.ts';
import type { KeyturnPaths } from '../config/paths.ts';
import { type Connections, openConnections } from '../connections/registry.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { Waiting } from '../stores/conditional-store.ts';
import { type LocalVault, openLocalVault } from '../stores/local/local-vault.ts';
import { openStores, type Stores } from '../stores/open-stores.ts';
import { openSealingKeyring } from './keyring-here.ts';
import { ownTime } from './own-time.ts';

/**
 * What a program on this machine works with, as its environment and keyturn.yaml say: each is opened, and made, when it is
 * first needed. Where keyturn.yaml declares keyring, connections and stores, nothing of it is kept on the machine.
 */
export type OpenMachine = {
  declared: KeyturnYaml;
  /** @throws what `openSealingKeyring` throws */
  keyring(): Promise<Keyring>;
  /** @throws what `openLocalVault` throws */
  local(): Promise<LocalVault>;
  hasLocal(): boolean;
  stores: Stores;
  connections: Connections;
};

export type MachineOptions = {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  paths: KeyturnPaths;
  /** Default: the clock of this machine. */
  time?: Waiting;
};

/** @throws KEYTURN_CONFIG_INVALID, KEYTURN_FILE_UNREADABLE */
export async function openMachine({ env, cwd, paths, time = ownTime }: MachineOptions): Promise<OpenMachine> {
  const declared = await readKeyturnYaml({ env, cwd, configDir: paths.configDir });
  const folder = declared.file === undefined ? cwd : dirname(declared.file);
  const keyring = once(() => openSealingKeyring(declared, { env, paths, secret: stores.secret }));
  const local = once(async () => openLocalVault({ file: paths.vaultFile, keyring: await keyring() }));
  const stores = openStores({ declared: declared.stores, folder, env, local, time });
  const connections = openConnections({ vaultFile: paths.vaultFile, keyring, declared, secret: stores.secret });
  return { declared, keyring, local, hasLocal: () => existsSync(paths.vaultFile), stores, connections };
}

/** The same for everybody; what failed is tried again by the next one. */
function once<Thing>(open: () => Promise<Thing>): () => Promise<Thing> {
  let opened: Promise<Thing> | undefined;
  return () => {
    if (opened === undefined) {
      const opening = open();
      opened = opening;
      opening.catch(() => {
        opened = undefined;
      });
    }
    return opened;
  };
}
