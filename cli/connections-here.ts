import { readKeyturnYaml } from '../config/keyturn-yaml.ts';
import { keyturnPaths } from '../config/paths.ts';
import { type Connections, openConnections } from '../connections/registry.ts';
import { openVaultKeyring } from '../keyring/machine-keyring.ts';
import { quietDebugSwitches } from '../secrets/debug-switches.ts';

/** The connections of this machine: those of its vault, and those that keyturn.yaml declares. */
export async function connectionsHere(): Promise<Connections> {
  quietDebugSwitches();
  const { env } = process;
  const { configDir, keyringFile, vaultFile } = keyturnPaths(env);
  const declared = await readKeyturnYaml({ env, cwd: process.cwd(), configDir });
  const keyring = await openVaultKeyring(env, { keyringFile, vaultFile });
  return openConnections({ vaultFile, keyring, declared, env });
}
