import type { KeyturnPaths } from '../../config/paths.ts';
import { choosePort } from '../../engine/free-port.ts';
import { Secret } from '../../secrets/secret.ts';
import { startSimulator } from '../../simulator/index.ts';
import { connectionsHere } from '../connections-here.ts';
import type { DevOptions } from './dev-options.ts';
import { lineDone } from './line.ts';

const usualPort = 4010;

/** The connection that the sample policy names. */
const connectionName = 'main';

/** The simulator with its account in the data folder, and a connection that leads there. Answers what stops it. */
export async function startLocalSimulator(
  { simulatorPort }: DevOptions,
  { simulatorStateFile }: KeyturnPaths,
): Promise<() => Promise<void>> {
  const port = await choosePort({ asked: simulatorPort, usual: usualPort, forWhat: 'the OpenRouter simulator' });
  const { url, managementKey, close } = await startSimulator({ port, stateFile: simulatorStateFile });
  try {
    const connections = await connectionsHere();
    // Anew at each start: the port may be another one, and so is the management key, of which only a digest is kept.
    await connections.add(connectionName, { managementKey: new Secret(managementKey), baseUrl: url, replace: true });
  } catch (error) {
    await close();
    throw error;
  }
  lineDone('OpenRouter simulator', new URL(url).origin);
  return close;
}
