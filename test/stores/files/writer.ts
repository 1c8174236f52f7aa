import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Task } from './writer-process.ts';

export type WriterProcess = {
  process: ChildProcess;
  /** What it said, and by which signal it ended. */
  ended: Promise<{ said: string; signal: NodeJS.Signals | null }>;
  /** Until a signal has stopped it. */
  stopped: () => Promise<void>;
};

const program = fileURLToPath(new URL('writer-process.ts', import.meta.url));

/** A Keyturn of its own that writes to a `.env` file. */
export function startWriter(task: Task): WriterProcess {
  const child = spawn(process.execPath, [program, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said = text(child.stdout);
  return {
    process: child,
    ended: once(child, 'close').then(async ([, signal]) => ({ said: await said, signal })),
    async stopped() {
      while (!/\) T /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8'))) await sleep(10);
    },
  };
}
