import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export const mainFile = fileURLToPath(new URL('../cli/main.ts', import.meta.url));

export type CommandRun = { args: readonly string[]; code: number | null; stdout: string; stderr: string };

type Place = {
  folder: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Where what the command prints is kept, to be searched for secrets. */
  runs?: CommandRun[];
};

/** `keyturn ARGS` as a program of its own, with `input` on its standard input, to its end. */
export async function runKeyturn(
  { folder, env, runs }: Place,
  args: readonly string[],
  input = '',
): Promise<CommandRun> {
  const child = spawn(process.execPath, [mainFile, ...args], { cwd: folder, env });
  child.stdin.on('error', () => {}); // a command that reads nothing may be gone before it is written to
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  const run: CommandRun = { args, code: code as number | null, stdout, stderr };
  runs?.push(run);
  return run;
}
