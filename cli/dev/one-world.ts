import { existsSync } from 'node:fs';
import type { KeyturnPaths } from '../../config/paths.ts';
import { fault } from '../../errors/keyturn-error.ts';
import { connectionsHere } from '../connections-here.ts';

/**
 * A data folder is for the simulator or for real keys, never for both: a policy that meets the other world would take
 * its keys for deleted, and real ones would be left behind.
 *
 * @throws KEYTURN_DATA_MIXED
 */
export async function requireOneWorld(live: boolean, { dataDir, simulatorStateFile }: KeyturnPaths): Promise<void> {
  if (live) {
    if (existsSync(simulatorStateFile)) throw fault('KEYTURN_DATA_MIXED', dataDir, "the simulator's keys", 'real ones');
    return;
  }
  const real = (await (await connectionsHere()).list()).filter(({ baseUrl }) => !isOnThisMachine(baseUrl));
  if (real.length > 0) throw fault('KEYTURN_DATA_MIXED', dataDir, 'real keys', "the simulator's");
}

function isOnThisMachine(baseUrl: string): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(baseUrl).hostname);
}
