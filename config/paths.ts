import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where Keyturn keeps what on this machine. Nothing is made here: who writes a file makes its folder. */
export type KeyturnPaths = {
  /** What must not be lost; a backup of it is a backup of Keyturn. */
  dataDir: string;
  /** What can be had again. */
  cacheDir: string;
  configDir: string;
  logsDir: string;
  keyringFile: string;
  vaultFile: string;
  /** The development server's own database. */
  temporalDbFile: string;
  simulatorStateFile: string;
};

/**
 * The folders of the XDG base directory specification, each with `keyturn` below it. As the specification asks, a
 * variable that is empty or not an absolute path counts as not set.
 */
export function keyturnPaths(env: Environment): KeyturnPaths {
  const home = absolute(env.HOME) ?? homedir();
  const folder = (variable: string, ...fallback: string[]) =>
    join(absolute(env[variable]) ?? join(home, ...fallback), 'keyturn');
  const dataDir = folder('XDG_DATA_HOME', '.local', 'share');
  return {
    dataDir,
    cacheDir: folder('XDG_CACHE_HOME', '.cache'),
    configDir: folder('XDG_CONFIG_HOME', '.config'),
    logsDir: join(folder('XDG_STATE_HOME', '.local', 'state'), 'logs'),
    keyringFile: join(dataDir, 'keyring.json'),
    vaultFile: join(dataDir, 'vault.db'),
    temporalDbFile: join(dataDir, 'temporal.db'),
    simulatorStateFile: join(dataDir, 'simulator.json'),
  };
}

function absolute(path: string | undefined): string | undefined {
  return path && isAbsolute(path) ? path : undefined;
}
