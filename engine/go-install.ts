import { basename, join } from 'node:path';
import type { Progress } from './progress.ts';
import { type Environment, runProgram } from './run-program.ts';

/**
 * The newest tag that Go builds from its module proxy: later ones carry a `replace` directive, which `go install`
 * refuses (facts temporal §9). Brings server 1.29.1 and UI 2.42.1.
 */
export const CLI_MODULE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';

/** About 3½ minutes on two cores; a slow machine on a slow line may need several times that. */
const BUILD_TIMEOUT_MS = 30 * 60_000;

/** A program that Go builds from its module proxy. */
export type GoProgram = {
  /** Package and version, as `go install` takes them. */
  module: string;
  /** What a person calls it. */
  name: string;
  /** How long the first build takes on two cores; said before it begins. */
  takes: string;
};

/**
 * Builds Temporal's command line program, server included, into `folder`; answers its path.
 *
 * @throws Error with a sentence for a person, when it cannot be built here
 */
export function goInstallCli(
  folder: string,
  env: Environment,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<string> {
  const cli = { module: CLI_MODULE, name: 'Temporal', takes: 'about 4 minutes' };
  return goInstall(cli, { folder, env, progress, signal });
}

export type GoInstallOptions = {
  /** Where the program is put. */
  folder: string;
  env: Environment;
  progress: Progress;
  signal?: AbortSignal | undefined;
};

/**
 * Builds a program into `folder`; answers its path.
 *
 * @throws Error with a sentence for a person, when it cannot be built here
 */
export async function goInstall(program: GoProgram, options: GoInstallOptions): Promise<string> {
  const { module, name, takes } = program;
  const { folder, env, progress, signal } = options;
  const started = Date.now();
  let packages = 0;
  let last = '';
  const text = () => {
    const doing = packages === 0 ? 'fetching its source' : `${packages} packages, ${last}`;
    return `Building ${name} with Go, ${Math.round((Date.now() - started) / 1000)} s: ${doing}`;
  };

  progress.step(`Building ${name} with Go (once; ${takes} on two cores)`);
  const ticking = setInterval(() => progress.tick(text()), 1_000);
  try {
    const { problem } = await runProgram('go', ['install', '-v', module], {
      env: { ...env, GOBIN: folder },
      cwd: folder,
      timeoutMs: BUILD_TIMEOUT_MS,
      signal,
      onLine: (line) => {
        // With -v, Go prints the path of each package as it compiles it, and `go: …` while it fetches.
        if (line === '' || line.startsWith('go: ')) return;
        packages += 1;
        last = line.trim();
      },
    });
    if (problem !== undefined) throw new Error(problem === 'not found' ? 'Go is not on PATH' : problem);
    // The major version at the end of a module's path is no part of the program's name.
    return join(folder, basename(module.replace(/(\/v\d+)?@.*$/, '')));
  } finally {
    clearInterval(ticking);
  }
}
