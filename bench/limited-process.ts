import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const mebibyte = 2 ** 20;
const lookMs = 50;

/** A process that gets no more memory than this, and what it took. */
export type LimitedProcess = {
  child: ChildProcess;
  /** Who holds the limit: the kernel, or this process, which looks and kills. */
  limit: 'cgroup v1' | 'systemd' | 'watched';
  /** Resident memory now; and at its most, as the kernel remembers it. MiB. */
  resident(): { now: number; most: number };
  /** Rejects when it has ended, with how. */
  died: Promise<never>;
  /** Kills it if it still runs. */
  end(): Promise<void>;
};

/**
 * Starts Node under a memory limit as a container has it. The kernel holds it by a control group, where this process may
 * make one (root, or systemd for its user); else its memory is looked at every 50 ms, and it is killed as the kernel would.
 */
export function startLimited(limitMiB: number, args: readonly string[], env: NodeJS.ProcessEnv): LimitedProcess {
  const group = controlGroup(limitMiB);
  const scope = ['--user', '--scope', '--quiet', '-p', `MemoryMax=${limitMiB}M`, '-p', 'MemorySwapMax=0'];
  const systemd = group === null && spawnSync('systemd-run', [...scope, 'true']).status === 0;
  const [program, ...first] =
    group !== null
      ? ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', group, process.execPath]
      : systemd
        ? ['systemd-run', ...scope, process.execPath]
        : [process.execPath];
  const child = spawn(program as string, [...first, ...args], { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let last = { now: 0, most: 0 };
  const resident = () => {
    last = memoryOf(child.pid as number) ?? last;
    return last;
  };
  const isWatched = group === null && !systemd;
  const watch = setInterval(() => resident().now > limitMiB && isWatched && child.kill('SIGKILL'), lookMs);
  const ended = once(child, 'exit').finally(() => clearInterval(watch));
  const died = ended.then(([code, signal]) => {
    throw new Error(
      `the worker was ended by ${signal ?? `exit code ${code}`}, at most ${Math.round(last.most)} MiB resident`,
    );
  });
  died.catch(() => {});
  return {
    child,
    limit: group !== null ? 'cgroup v1' : systemd ? 'systemd' : 'watched',
    resident,
    died,
    async end() {
      child.kill('SIGKILL');
      await ended;
      if (group !== null && existsSync(group)) rmdirSync(group);
    },
  };
}

/** A group of its own below this process's; null where that may not be made. */
function controlGroup(limitMiB: number): string | null {
  const [, path] = /^\d+:memory:(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8')) ?? [];
  const parent = `/sys/fs/cgroup/memory${path}`;
  if (path === undefined || !existsSync(parent)) return null;
  const group = join(parent, `keyturn-bench-${process.pid}-${Date.now()}`);
  try {
    mkdirSync(group);
    writeFileSync(join(group, 'memory.limit_in_bytes'), String(limitMiB * mebibyte));
    return group;
  } catch {
    return null;
  }
}

function memoryOf(pid: number): { now: number; most: number } | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
    return { now: field('VmRSS'), most: field('VmHWM') };
  } catch {
    return null;
  }
}
