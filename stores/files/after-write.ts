import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AfterWrite } from './declaration.ts';
import { lockFolder } from './lock.ts';
import { besideFile } from './real-path.ts';
import { markOf } from './replace.ts';

/** Less than a step has (workflows/saga/step-table.ts), so that a command that hangs is told of. */
const commandTimeoutMs = 20_000;

/** Where it lives and runs; nothing of Keyturn's own, which has credentials among it. */
const passedOn = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'];

/**
 * What is to be done after the file has changed, if it was not done yet: the mark beside the file outlives a process that
 * dies in between. It may be done twice, never not at all.
 *
 * @param folder in which a command runs
 * @returns why it failed, as the end of a sentence; null: done, or nothing to do
 */
export async function doAfterWrite(after: AfterWrite, path: string, folder: string): Promise<string | null> {
  const mark = markOf(path);
  if (mark === null) return null;
  const why = 'command' in after ? await ran(after.command, folder) : signalled(after);
  if (why !== null) return why;
  const lock = await lockFolder(dirname(path));
  try {
    // Another mark is of a change that came after the command had begun.
    if (markOf(path) === mark) rmSync(besideFile(path, 'pending'), { force: true });
    return null;
  } finally {
    lock.release();
  }
}

/** No shell, and its output goes nowhere: what it prints might be the file. */
async function ran([program = '', ...args]: string[], cwd: string): Promise<string | null> {
  const env = Object.fromEntries(passedOn.map((name) => [name, process.env[name]]));
  // A group of its own, so that what it has started ends with it.
  const child = spawn(program, args, { cwd, env, stdio: 'ignore', detached: true });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended in this moment.
    }
  }, commandTimeoutMs);
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    if (isLate) return failed(`it took longer than ${commandTimeoutMs / 1_000} s`);
    return code === 0 ? null : failed(code === null ? `ended by ${signal}` : `exit code ${code}`);
  } catch (error) {
    return failed(`${(error as NodeJS.ErrnoException).code}`);
  } finally {
    clearTimeout(timer);
  }

  function failed(why: string): string {
    return `the file is written, but ${program} after it failed (${why})`;
  }
}

function signalled({ pidFile, signal }: Extract<AfterWrite, { pidFile: string }>): string | null {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8').trim());
    if (!Number.isInteger(pid) || pid <= 1) return `the file is written, but ${pidFile} holds no process id`;
    process.kill(pid, signal);
    return null;
  } catch (error) {
    return `the file is written, but ${signal} to the process of ${pidFile} failed (${(error as NodeJS.ErrnoException).code})`;
  }
}
