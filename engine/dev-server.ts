import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fault, KeyturnError } from '../errors/keyturn-error.ts';
import { type Lock, tryLock } from '../files/exclusive-lock.ts';
import { choosePort } from './free-port.ts';
import type { Environment } from './run-program.ts';
import { serves } from './serves.ts';
import { watchdog } from './watchdog.ts';

export type DevServerOptions = {
  /** The program that `findDevServer` found. */
  executable: string;
  /** The environment, as `process.env` looks; the server is given the few names of it that it needs. */
  env: Environment;
  /** Everything the server prints, since its last start. */
  logFile: string;
  /** SQLite file with all workflows. Default: in memory, lost with the server. */
  dbFile?: string;
  /** Port for clients. Default: 7233, or any free one when that is taken; 0: any free one. */
  port?: number;
  /** Port of the Web UI, or false for no Web UI. Default: 8233, or any free one when that is taken; 0: any free one. */
  uiPort?: number | false;
  /** Where the Web UI, in the browser, has payloads decoded. Default: nowhere. */
  uiCodecEndpoint?: string;
  /** Made at the start if it is missing. Default: `default`. */
  namespace?: string;
  /** Further settings of the server, by their names in its dynamic configuration. */
  dynamicConfig?: Record<string, string | number | boolean>;
};

export type DevServer = {
  /** Host and port for clients. */
  address: string;
  /** Address of the Web UI; undefined without one. */
  uiUrl: string | undefined;
  pid: number;
  /** Resolves when the server has ended, by close() or by itself; with the last lines of its log in the second case. */
  ended: Promise<KeyturnError | undefined>;
  /** Stops the server and waits until its process is gone. Any number of times. */
  close(): Promise<void>;
};

/** A server that does not serve by then never will; a slow disk with a large data file needs some seconds. */
const START_TIMEOUT_MS = 30_000;
/** A clean stop takes about a second; after this it is killed. */
const STOP_TIMEOUT_MS = 10_000;
const LOG_LINES_SHOWN = 5;
/** What a Go program needs of the environment. Not more: nothing that may be secret goes to a process that needs none. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'];

/**
 * Starts Temporal's development server on 127.0.0.1 and waits until it really answers.
 *
 * It runs in a process group of its own: Ctrl-C in a terminal reaches the worker, which finishes what it is doing, and
 * only then is the server stopped, by `close()`. If this process dies without that, a watchdog takes the server along.
 *
 * @throws KEYTURN_PORT_IN_USE a port that was asked for is taken
 * @throws KEYTURN_ENGINE_IN_USE another process runs a server on `dbFile`
 * @throws KEYTURN_ENGINE_FAILED it died, or did not serve in time; the end of its log is in the message
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const { dbFile, logFile, namespace = 'default' } = options;
  for (const file of [dbFile, logFile]) if (file) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });

  const lock = dbFile ? tryLock(`${dbFile}.lock`) : undefined;
  if (dbFile && !lock) throw fault('KEYTURN_ENGINE_IN_USE', dbFile);
  try {
    const port = await choosePort({ asked: options.port, usual: 7233, forWhat: 'Temporal' });
    const uiPort =
      options.uiPort === false
        ? undefined
        : await choosePort({ asked: options.uiPort, usual: 8233, forWhat: "Temporal's Web UI" });

    const server = await launch(options, commandLine(options, namespace, port, uiPort), lock);
    const address = `127.0.0.1:${port}`;
    await untilServing(server, address, namespace, logFile);
    // Only now: made beforehand, the server would take the empty file for a finished database.
    if (dbFile) chmodSync(dbFile, 0o600);
    return { address, uiUrl: uiPort === undefined ? undefined : `http://127.0.0.1:${uiPort}`, ...server };
  } catch (error) {
    lock?.release();
    throw error;
  }
}

/**
 * Temporal keeps the limit of a task queue in each of its partitions by itself: with the usual four, a connection's
 * requests come in bursts, and the queue's order is one of each. Its newer matching knows priorities.
 */
const exactPace = {
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  'matching.useNewMatcher': true,
};

function commandLine(
  { dbFile, uiCodecEndpoint, dynamicConfig = {} }: DevServerOptions,
  namespace: string,
  port: number,
  uiPort: number | undefined,
): string[] {
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--namespace', namespace],
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...(uiCodecEndpoint === undefined ? [] : ['--ui-codec-endpoint', uiCodecEndpoint]),
    ...(dbFile ? ['--db-filename', dbFile] : []),
    ...['--log-level', 'warn', '--color', 'never'],
    // The server would ask its makers for news of newer versions; a local engine has no business on the network.
    ...['--dynamic-config-value', 'frontend.enableServerVersionCheck=false'],
    ...Object.entries({ ...exactPace, ...dynamicConfig }).flatMap(([key, value]) => [
      '--dynamic-config-value',
      `${key}=${JSON.stringify(value)}`,
    ]),
  ];
}

type Running = Pick<DevServer, 'pid' | 'ended' | 'close'>;

async function launch(
  { executable, env, logFile }: DevServerOptions,
  args: string[],
  lock: Lock | undefined,
): Promise<Running> {
  const log = openSync(logFile, 'w', 0o600);
  const child = spawn(executable, args, {
    env: Object.fromEntries(PASSED_ON.map((name) => [name, env[name]])),
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  const exit = exitOf(child);
  await once(child, 'spawn').catch((error: NodeJS.ErrnoException) => {
    throw fault('KEYTURN_ENGINE_FAILED', `cannot be run (${error.code ?? error.name})`, executable);
  });
  const pid = child.pid as number; // a spawned process has one
  const guard = watchdog(pid);

  let closing = false;
  const ended = exit.then((how) => {
    guard.dismiss();
    lock?.release();
    return closing ? undefined : fault('KEYTURN_ENGINE_FAILED', `ended (${how})`, endOfLog(logFile));
  });
  const close = async () => {
    closing = true;
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(kill);
  };
  return { pid, ended, close };
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

async function untilServing(server: Running, address: string, namespace: string, logFile: string): Promise<void> {
  const serving = new AbortController();
  const late = sleep(START_TIMEOUT_MS, undefined, { signal: serving.signal }).then(
    () => fault('KEYTURN_ENGINE_FAILED', `did not serve within ${START_TIMEOUT_MS / 1000} s`, endOfLog(logFile)),
    () => undefined,
  );
  try {
    const problem = await Promise.race([serves(address, namespace, serving.signal), server.ended, late]);
    if (problem instanceof KeyturnError) throw problem;
  } catch (error) {
    await server.close();
    throw error;
  } finally {
    serving.abort();
  }
}

function endOfLog(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_SHOWN);
  return `The end of ${logFile}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
