import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { createAccessLog } from '../../codec-server/access-log.ts';
import { startCodecServer } from '../../codec-server/server.ts';
import type { KeyturnPaths } from '../../config/paths.ts';
import { choosePort } from '../../engine/free-port.ts';
import type { Keyring } from '../../keyring/keyring.ts';
import type { DevOptions } from './dev-options.ts';
import { lineDone } from './line.ts';

export type LocalCodecServerOptions = {
  port: number;
  /** Of the Web UI. A person may open it as localhost, too. */
  uiUrl: string;
  keyring: Keyring;
};

const host = '127.0.0.1';
const usualPort = 8088;

/** Before the engine starts: its Web UI is told, and the codec server is told the Web UI's address in turn. */
export function chooseCodecPort({ codecPort }: DevOptions): Promise<number> {
  return choosePort({ asked: codecPort, usual: usualPort, forWhat: 'the codec server' });
}

export function codecUrl(port: number): string {
  return `http://${host}:${port}`;
}

/**
 * Lets the Web UI of this machine, and no other page, show what Keyturn encrypted. Asks for no token: whoever reaches it
 * reaches the development server beside it, which asks for none either. Answers what stops it.
 */
export async function startLocalCodecServer(
  { port, uiUrl, keyring }: LocalCodecServerOptions,
  { logsDir }: KeyturnPaths,
): Promise<() => Promise<void>> {
  mkdirSync(logsDir, { recursive: true, mode: 0o700 });
  const file = pino.destination({ dest: join(logsDir, 'codec-server.log'), mode: 0o600, append: false });
  const server = await startCodecServer({
    keyring,
    host,
    port,
    origins: [uiUrl, uiUrl.replace(host, 'localhost')],
    admit: 'local page',
    encode: false,
    trustProxy: [],
    log: createAccessLog('info', file),
  });
  lineDone('codec server for the Web UI', server.url);
  return async () => {
    await server.close();
    file.end();
  };
}
