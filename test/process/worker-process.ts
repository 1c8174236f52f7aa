import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkerReady } from '../../worker/run-worker.ts';
import type { Machine } from './machine.ts';
import type { Moment, OnMoment } from './step-hook.ts';

export type WorkerProcess = {
  pid: number;
  /** Resolves when it polls for work; rejects if it ends before. */
  ready: Promise<void>;
  /** `exit code 0`, or the signal that ended it. */
  ended: Promise<string>;
  kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSEGV'): Promise<string>;
  /** It stands still, whatever it was about to do, until it is thawed. */
  freeze(): void;
  thaw(): void;
};

const program = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** `keyturn worker`, as a person starts it. Its log is added to worker.log of the machine. */
export function startWorker(machine: Pick<Machine, 'folder' | 'paths' | 'env'>): WorkerProcess {
  return start(machine, [program('../../cli/main.ts'), 'worker']);
}

/** The same, started from a shell that allows core dumps of any size. */
export function startDumpingWorker(machine: Pick<Machine, 'folder' | 'paths' | 'env'>): WorkerProcess {
  const allowed = ['-c', 'ulimit -c unlimited && exec "$0" "$@"', process.execPath];
  return start(machine, [...allowed, program('../../cli/main.ts'), 'worker'], undefined, 'sh');
}

/** The same worker, but before and after each step it waits until `onMoment` has resolved in this process. */
export function startHookedWorker(
  machine: Pick<Machine, 'folder' | 'paths' | 'env'>,
  onMoment: OnMoment,
): WorkerProcess {
  return start(machine, [program('./hooked-worker.ts')], onMoment);
}

function start(
  { folder, paths, env }: Pick<Machine, 'folder' | 'paths' | 'env'>,
  args: string[],
  onMoment?: OnMoment,
  executable = process.execPath,
): WorkerProcess {
  const logFile = join(paths.logsDir, 'worker.log');
  const log = openSync(logFile, 'a', 0o600);
  // The channel makes the worker end when this process is gone.
  const child = spawn(executable, args, { cwd: folder, env, stdio: ['ignore', log, log, 'ipc'] });
  closeSync(log);
  const ended = endOf(child);
  const ready = Promise.withResolvers<void>();
  child.on('message', (message: Partial<WorkerReady> & { call?: number; moment?: Moment }) => {
    if (message.ready) ready.resolve();
    const { call, moment } = message;
    if (call === undefined || moment === undefined) return;
    // One that was killed while it waited hears no answer.
    onMoment?.(moment).then(
      () => child.connected && child.send({ go: call }, () => {}),
      (error: unknown) => ready.reject(error),
    );
  });
  // A test that kills it on purpose does not wait for it to be ready.
  ready.promise.catch(() => {});
  child.once('exit', () => {
    const end = readFileSync(logFile, 'utf8').slice(-2_000);
    ready.reject(new Error(`the worker ended before it was ready. The end of its log:\n${end}`));
  });
  return {
    pid: child.pid as number, // a spawned process has one
    ready: ready.promise,
    ended,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async kill(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

async function endOf(child: ChildProcess): Promise<string> {
  const [code, signal] = await once(child, 'exit');
  return signal ?? `exit code ${code}`;
}
