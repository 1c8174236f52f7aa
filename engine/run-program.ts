import { spawn } from 'node:child_process';

/** The environment a program is given, as `process.env` looks. */
export type Environment = Record<string, string | undefined>;

export type RunOptions = {
  env: Environment;
  cwd?: string;
  /** After this many milliseconds the program is killed and `problem` says so. */
  timeoutMs: number;
  /** Stops the program early, as when a person presses Ctrl-C. */
  signal?: AbortSignal | undefined;
  /** Each line of output as it comes, standard output and error alike. */
  onLine?: (line: string) => void;
};

export type RunResult = {
  /** Everything printed, both streams in the order they came; the last 64 KiB of it. */
  output: string;
  /** Why it did not end well, in words; undefined when it exited with 0. */
  problem: string | undefined;
};

const KEPT_OUTPUT = 64 * 1024;

/** Runs a program to its end. Never throws: what went wrong is in `problem`. */
export function runProgram(program: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const { promise, resolve } = Promise.withResolvers<RunResult>();
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const child = spawn(program, args, {
    env: options.env,
    ...(options.cwd && { cwd: options.cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
    killSignal: 'SIGKILL',
  });

  let output = '';
  let unfinished = '';
  const hear = (chunk: string) => {
    output = (output + chunk).slice(-KEPT_OUTPUT);
    const lines = (unfinished + chunk).split('\n');
    unfinished = lines.pop() ?? '';
    for (const line of lines) options.onLine?.(line);
  };
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);

  const end = (problem: string | undefined) => resolve({ output: output.trim(), problem });
  child.once('error', (error: NodeJS.ErrnoException) => {
    if (timeout.aborted) end(`no end after ${options.timeoutMs / 1000} s`);
    else if (options.signal?.aborted) end('interrupted');
    else end(error.code === 'ENOENT' ? 'not found' : `cannot be run (${error.code ?? error.name})`);
  });
  child.once('close', (code, signal) => {
    if (code === 0) end(undefined);
    else end(lastLine(output) ?? (signal ? `ended by ${signal}` : `exit code ${code}`));
  });
  return promise;
}

/** The last line that says something: where most programs put the reason for giving up. */
function lastLine(output: string): string | undefined {
  return output.trim().split('\n').at(-1)?.trim() || undefined;
}
