import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Machine } from './stack.ts';

export type CommandRun = { args: string[]; code: number; stdout: string; stderr: string };

const mainFile = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

/** Runs `keyturn ARGS` as a program on that machine, to its end. */
export async function runKeyturn(
  { folder, env }: Pick<Machine, 'folder' | 'env'>,
  args: string[],
  stdin = '',
): Promise<CommandRun> {
  const child = spawn(process.execPath, [mainFile, ...args], { cwd: folder, env });
  child.stdin.on('error', () => {}); // a command that reads nothing may be gone by now
  child.stdin.end(stdin);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { args, code: Number(code), stdout, stderr };
}
