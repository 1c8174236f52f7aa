import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
import type { AfterWrite } from './declaration.ts';
import { besideFile } from './place-file.ts';

const run = promisify(execFile);
const commandTimeoutMs = 10_000;

/**
 * What is to be done after the file has changed, if it was not done yet: the mark beside the file outlives a process that
 * dies in between. The command gets neither the secret nor a shell, and what it prints goes nowhere.
 *
 * @returns why it failed, as the end of a sentence; null: done, or nothing to do
 */
export async function doAfterWrite(after: AfterWrite | undefined, path: string): Promise<string | null> {
  const mark = besideFile(path, 'pending');
  if (after === undefined || !existsSync(mark)) return null;
  const why = 'command' in after ? await ran(after.command) : signalled(after);
  if (why === null) rmSync(mark, { force: true });
  return why;
}

async function ran([program = '', ...args]: string[]): Promise<string | null> {
  try {
    await run(program, args, { timeout: commandTimeoutMs, env: { PATH: process.env.PATH }, maxBuffer: 1024 * 1024 });
    return null;
  } catch (error) {
    const { code, killed } = error as { code?: string | number; killed?: boolean };
    return `the command after it failed (${killed ? 'it took too long' : (code ?? 'unknown')})`;
  }
}

function signalled({ pidFile, signal }: Extract<AfterWrite, { pidFile: string }>): string | null {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8').trim());
    if (!Number.isInteger(pid) || pid <= 1) return `${pidFile} holds no process id`;
    process.kill(pid, signal);
    return null;
  } catch (error) {
    return `the signal after it failed (${(error as NodeJS.ErrnoException).code})`;
  }
}
