import { spawn } from 'node:child_process';

/** Lets a process outlive this one again. */
export type Watchdog = { dismiss(): void };

/**
 * Makes process `pid` die with this one, even when this one is killed by SIGKILL and can do nothing about it.
 *
 * A shell waits on a pipe whose other end only this process holds. Whatever ends this process closes the pipe, the
 * shell's `read` returns, and it kills `pid`: at once and hard, so that the next start finds its port and data free
 * (SQLite's journal makes a killed server no different from a lost machine). Linux has prctl(PR_SET_PDEATHSIG) for
 * this, but no tool that every distribution brings sets it, and macOS has nothing; a shell is everywhere.
 */
export function watchdog(pid: number): Watchdog {
  const shell = spawn('/bin/sh', ['-c', 'read -r _; kill -KILL "$1"', 'keyturn-watchdog', String(pid)], {
    env: {},
    stdio: ['pipe', 'ignore', 'ignore'],
    // In a process group of its own: Ctrl-C must not take it before it is needed.
    detached: true,
  });
  shell.once('error', () => {}); // no shell: the server is still stopped by close()
  shell.stdin.once('error', () => {});
  shell.unref();
  return { dismiss: () => shell.kill('SIGKILL') };
}
