import { join } from 'node:path';
import type { KeyturnPaths } from '../../config/paths.ts';
import { type DevServer, startDevServer } from '../../engine/dev-server.ts';
import { findDevServer } from '../../engine/find-dev-server.ts';
import { printProgress } from '../../engine/progress.ts';
import type { DevOptions } from './dev-options.ts';
import { lineDone } from './line.ts';
import { codecUrl } from './start-codec-server.ts';

/** Temporal's development server with its data in the data folder: found, or fetched with progress on the screen. */
export async function startEngine(
  { env, port, uiPort }: DevOptions,
  { cacheDir, logsDir, temporalDbFile }: KeyturnPaths,
  codecPort: number,
  signal: AbortSignal,
): Promise<DevServer> {
  const progress = printProgress(process.stdout);
  let found = 'Temporal';
  const done = (text: string) => {
    found = text;
    progress.step(`${text} starts`);
  };
  // Its last line is printed when the server runs, with its address.
  const { path } = await findDevServer({ env, cacheDir, progress: { ...progress, done }, signal });
  const engine = await startDevServer({
    executable: path,
    env,
    dbFile: temporalDbFile,
    logFile: join(logsDir, 'temporal.log'),
    uiCodecEndpoint: codecUrl(codecPort),
    ...(port === undefined ? {} : { port }),
    ...(uiPort === undefined ? {} : { uiPort }),
  });
  lineDone(found, engine.uiUrl);
  return engine;
}
