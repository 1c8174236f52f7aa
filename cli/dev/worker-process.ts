import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyturnPaths } from '../../config/paths.ts';
import { fault, type KeyturnError } from '../../errors/keyturn-error.ts';
import type { WorkerReady } from '../../worker/run-worker.ts';
import { taskQueue } from '../../workflows/messages.ts';
import { mainFile } from '../invocation.ts';
import { print } from '../print.ts';
import { lineDone } from './line.ts';

export type WorkerProcessOptions = {
  env: Readonly<Record<string, string | undefined>>;
  live: boolean;
  /** Of Temporal. */
  address: string;
  paths: KeyturnPaths;
  /** Aborted: nothing is started again. */
  stopping: AbortSignal;
  /** Aborted: running steps are not waited for. */
  hurry: AbortSignal;
};

/** A worker that dies at once is started again more slowly each time. */
const restartPausesMs = [200, 1_000, 2_000, 5_000, 10_000];
/** One that ran for this long did not die at once. */
const steadyMs = 10_000;
/** Longer than the worker gives its running steps (worker/create-worker.ts). */
const stopTimeoutMs = 50_000;
const logLinesShown = 5;

/**
 * The worker as a process of its own, which a person can kill to see that nothing is lost: it is started again.
 * Resolves when it is ready. Answers what stops it.
 *
 * @throws KEYTURN_WORKER_FAILED it ended before it was ready
 */
export async function startWorkerProcess(options: WorkerProcessOptions): Promise<() => Promise<void>> {
  const { paths, stopping, hurry } = options;
  const logFile = join(paths.logsDir, 'worker.log');
  mkdirSync(paths.logsDir, { recursive: true, mode: 0o700 });
  let worker = spawnWorker(options, logFile, 'w');
  const stopped = new AbortController();
  const isOver = AbortSignal.any([stopping, stopped.signal]);
  const stop = () => {
    stopped.abort();
    return stopWorker(worker, hurry);
  };

  const failed = await Promise.race([readiness(worker), endedEarly(worker, logFile)]);
  if (failed !== undefined) {
    await stop();
    throw failed;
  }
  lineDone(`worker on task queue ${taskQueue}`, `process ${worker.pid}`);
  const restarting = keepAlive();
  return async () => {
    await stop();
    await restarting;
  };

  async function keepAlive(): Promise<void> {
    let early = 0;
    for (;;) {
      const startedAt = Date.now();
      const how = await exitOf(worker);
      if (isOver.aborted) return;
      early = Date.now() - startedAt > steadyMs ? 0 : early + 1;
      print(`  – the worker ended (${how}) and is started again; its log: ${logFile}`);
      const pauseMs = restartPausesMs[Math.min(early, restartPausesMs.length - 1)];
      await sleep(pauseMs, undefined, { signal: isOver }).catch(() => {});
      if (isOver.aborted) return;
      worker = spawnWorker(options, logFile, 'a');
      await Promise.race([readiness(worker), exitOf(worker)]);
      if (isRunning(worker)) lineDone(`worker on task queue ${taskQueue}`, `process ${worker.pid}`);
    }
  }
}

function spawnWorker({ env, live, address }: WorkerProcessOptions, logFile: string, mode: 'w' | 'a'): ChildProcess {
  const log = openSync(logFile, mode, 0o600);
  const worker = spawn(process.execPath, [mainFile, 'worker'], {
    env: {
      // Two workers on one machine must not want one port; whoever sets it means it.
      KEYTURN_HEALTH_PORT: '0',
      KEYTURN_PACE: live ? 'live' : 'simulator',
      // The only worker there is: its policies follow whatever code it was started with.
      KEYTURN_VERSIONING: 'single',
      ...env,
      TEMPORAL_ADDRESS: address,
    },
    // The channel tells the worker that this process is gone, however it went.
    stdio: ['ignore', log, log, 'ipc'],
    // In a process group of its own: Ctrl-C reaches this process, which stops the worker once and then the engine.
    detached: true,
  });
  closeSync(log);
  return worker;
}

async function readiness(worker: ChildProcess): Promise<undefined> {
  for (;;) {
    const [message] = (await once(worker, 'message')) as [Partial<WorkerReady>];
    if (message.ready === true) return undefined;
  }
}

async function endedEarly(worker: ChildProcess, logFile: string): Promise<KeyturnError> {
  const how = await exitOf(worker);
  return fault('KEYTURN_WORKER_FAILED', how, endOf(logFile));
}

function exitOf(worker: ChildProcess): Promise<string> {
  const how = () => worker.signalCode ?? `exit code ${worker.exitCode}`;
  if (!isRunning(worker)) return Promise.resolve(how());
  return new Promise((resolve) => worker.once('exit', () => resolve(how())));
}

function isRunning(worker: ChildProcess): boolean {
  return worker.exitCode === null && worker.signalCode === null;
}

async function stopWorker(worker: ChildProcess, hurry: AbortSignal): Promise<void> {
  const kill = () => worker.kill('SIGKILL');
  const late = setTimeout(kill, stopTimeoutMs);
  hurry.addEventListener('abort', kill);
  if (hurry.aborted) kill();
  worker.kill('SIGTERM');
  await exitOf(worker);
  clearTimeout(late);
  hurry.removeEventListener('abort', kill);
}

function endOf(logFile: string): string {
  return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-logLinesShown).join('\n');
}
