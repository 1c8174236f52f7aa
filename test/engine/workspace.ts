import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Progress } from '../../engine/progress.ts';

/** A temporary folder with programs made for one test, removed with `using`. */
export type Workspace = Disposable & {
  folder: string;
  bin: string;
  cacheDir: string;
  /** Writes a shell script that can be run; a name without folders is put into `bin`. */
  program(name: string, script: string): string;
};

export function workspace(): Workspace {
  const folder = mkdtempSync(join(tmpdir(), 'keyturn-engine-'));
  const bin = join(folder, 'bin');
  const cacheDir = join(folder, 'cache');
  mkdirSync(bin);
  return {
    folder,
    bin,
    cacheDir,
    program(name, script) {
      const path = name.includes('/') ? name : join(bin, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
      return path;
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What `temporal --version` prints for a server of this version. */
export const versionLine = (server: string) => `temporal version 1.5.1 (Server ${server}, UI 2.42.1)`;

/** Progress kept as lines, each with the word of the call that made it. */
export function recordedProgress(): Progress & { lines: string[] } {
  const lines: string[] = [];
  const record = (word: string) => (text: string) => {
    lines.push(`${word}: ${text}`);
  };
  return { lines, step: record('step'), tick: record('tick'), done: record('done'), failed: record('failed') };
}

/** Resolves once `holds` does; the test's own timeout is the limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Whether a process with this id is there and running. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
