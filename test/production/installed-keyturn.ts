import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../client/temporal.ts';
import { choosePort } from '../../engine/free-port.ts';
import { runProgram } from '../../engine/run-program.ts';
import { watchdog } from '../../engine/watchdog.ts';
import type { WorkerReady } from '../../worker/run-worker.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const minute = 60_000;

/** Keyturn, built and installed without what only development needs, as the Dockerfile does it. */
export type InstalledKeyturn = {
  /** Runs `keyturn ARGS` to its end. @throws Error with what it printed, when it fails */
  run(args: string[], env: Environment): Promise<string>;
  startWorker(env: Environment, logFile: string): WorkerProcess;
  /** Resolves when it answers; with what stops it. */
  startCodecServer(env: Environment, logFile: string): Promise<{ url: string; close(): Promise<void> }>;
  remove(): Promise<void>;
};

export type WorkerProcess = {
  pid: number;
  /** Resolves with the port of its health checks when it polls for work; rejects if it ends before. */
  ready: Promise<number>;
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<string>;
};

export async function installKeyturn(): Promise<InstalledKeyturn> {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-installed-'));
  const step = async (program: string, args: string[], cwd: string) => {
    const { problem, output } = await runProgram(program, args, { env: process.env, cwd, timeoutMs: 10 * minute });
    if (problem !== undefined) throw new Error(`${program} ${args.join(' ')}: ${problem}\n${output}`);
  };
  await step('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', join(folder, 'dist')], checkout);
  for (const file of ['package.json', 'package-lock.json', '.npmrc'])
    await cp(join(checkout, file), join(folder, file));
  await step('npm', ['install', '--no-save', '--omit=dev', '--ignore-scripts'], folder);
  await step(process.execPath, ['dist/worker/make-bundle.js', 'dist/workflow-bundle.js'], folder);
  const main = join(folder, 'dist/cli/main.js');
  return {
    async run(args, env) {
      const { problem, output } = await runProgram(process.execPath, [main, ...args], { env, timeoutMs: 2 * minute });
      if (problem !== undefined) throw new Error(`keyturn ${args.join(' ')}: ${output}`);
      return output;
    },
    startWorker: (env, logFile) => startWorker(main, env, logFile),
    startCodecServer: (env, logFile) => startCodecServer(main, env, logFile),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function startWorker(main: string, env: Environment, logFile: string): WorkerProcess {
  // The channel makes the worker end when this process is gone.
  const { child, ended } = start([main, 'worker'], env, logFile, 'ipc');
  const ready = Promise.withResolvers<number>();
  ready.promise.catch(() => {}); // one that is killed on purpose is not waited for
  child.on('message', (message: Partial<WorkerReady>) => message.ready && ready.resolve(Number(message.healthPort)));
  child.once('exit', () => ready.reject(new Error(`the worker ended before it was ready; see ${logFile}`)));
  return {
    pid: child.pid as number, // a spawned process has one
    ready: ready.promise,
    async kill(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

async function startCodecServer(main: string, env: Environment, logFile: string) {
  const port = await choosePort({ asked: 0, usual: 0, forWhat: 'the codec server' });
  const itsEnv = { ...env, KEYTURN_CODEC_HOST: '127.0.0.1', KEYTURN_CODEC_PORT: String(port) };
  const { child, ended } = start([main, 'codec-server'], itsEnv, logFile, 'ignore');
  const dog = watchdog(child.pid as number); // a spawned process has one
  const url = `http://127.0.0.1:${port}`;
  const answers = () =>
    fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await answers())) {
    if (child.exitCode !== null) throw new Error(`the codec server ended:\n${await readFile(logFile, 'utf8')}`);
    await sleep(100);
  }
  return {
    url,
    async close() {
      child.kill('SIGTERM');
      await ended;
      dog.dismiss();
    },
  };
}

function start(args: string[], env: Environment, logFile: string, channel: 'ipc' | 'ignore') {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', log, log, channel] });
  closeSync(log);
  const ended = once(child, 'exit').then(([code, signal]) => String(signal ?? `exit code ${code}`));
  return { child, ended };
}
