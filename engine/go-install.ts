import { join } from 'node:path';
import type { Progress } from './progress.ts';
import { type Environment, runProgram } from './run-program.ts';

/**
 * The newest tag that Go builds from its module proxy: later ones carry a `replace` directive, which `go install`
 * refuses (facts temporal §9). Brings server 1.29.1 and UI 2.42.1.
 */
export const CLI_MODULE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';

/** About 3½ minutes on two cores; a slow machine on a slow line may need several times that. */
const BUILD_TIMEOUT_MS = 30 * 60_000;

/**
 * Builds Temporal's command line program, server included, into `folder`; answers its path.
 *
 * @throws Error with a sentence for a person, when it cannot be built here
 */
export async function goInstallCli(
  folder: string,
  env: Environment,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<string> {
  const started = Date.now();
  let packages = 0;
  let last = '';
  const text = () => {
    const doing = packages === 0 ? 'fetching its source' : `${packages} packages, ${last}`;
    return `Building Temporal with Go, ${Math.round((Date.now() - started) / 1000)} s: ${doing}`;
  };

  progress.step('Building Temporal with Go (once; about 4 minutes on two cores)');
  const ticking = setInterval(() => progress.tick(text()), 1_000);
  try {
    const { problem } = await runProgram('go', ['install', '-v', CLI_MODULE], {
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
    return join(folder, 'temporal');
  } finally {
    clearInterval(ticking);
  }
}
