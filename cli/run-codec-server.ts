import pino from 'pino';
import { createAccessLog } from '../codec-server/access-log.ts';
import { codecServerConfig, type Environment } from '../codec-server/config.ts';
import { startCodecServer } from '../codec-server/server.ts';
import { openKeyringHere } from '../machine/keyring-here.ts';
import { untilAskedToStop } from './stop-signals.ts';

/**
 * The codec server as a process: its access log on standard output, a JSON line a request.
 *
 * @throws KEYTURN_USAGE, KEYTURN_FILE_UNREADABLE, KEYTURN_PORT_IN_USE, and what opening the keyring throws
 */
export async function runCodecServer(env: Environment): Promise<void> {
  const { logLevel, ...config } = await codecServerConfig(env);
  const keyring = await openKeyringHere(env);
  const log = createAccessLog(logLevel, pino.destination(1));
  const server = await startCodecServer({ ...config, keyring, log });
  log.info({ url: server.url, origins: config.origins, encode: config.encode }, 'codec server ready');
  await untilAskedToStop();
  await server.close();
}
