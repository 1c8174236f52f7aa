import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fault } from '../errors/keyturn-error.ts';
import { canRun, findOnPath } from './executable.ts';
import { fetchOnce } from './fetch-once.ts';
import { CLI_MODULE, goInstallCli } from './go-install.ts';
import type { Progress } from './progress.ts';
import type { Environment } from './run-program.ts';
import { downloadFromSdkHost, SDK_DOWNLOAD_HOST } from './sdk-download.ts';
import { inspectCli, type TemporalCli, tooOld, type Unusable } from './temporal-cli.ts';

export type FindOptions = {
  /** The environment, as `process.env` looks. PATH, KEYTURN_TEMPORAL_CLI, the proxy and Go's settings are read. */
  env: Environment;
  /** Where what was fetched is kept for the next time; made if it is missing. */
  cacheDir: string;
  progress: Progress;
  /** Where the SDK's downloads come from; for tests. Default: Temporal's own host. */
  downloadHost?: string;
  /** Gives up early, as when a person presses Ctrl-C. */
  signal?: AbortSignal;
};

/** A development server that can be started: its program, the server version in it, and where it was found. */
export type DevServerProgram = TemporalCli & {
  from: 'KEYTURN_TEMPORAL_CLI' | 'PATH' | 'cache' | 'download' | 'go';
};

/**
 * Finds Temporal's development server, or fetches it once for all later times. In this order (design §10):
 * KEYTURN_TEMPORAL_CLI, `temporal` on PATH, the cache, the SDK's download, a build with Go.
 *
 * Every program is run once (`--version`) before it is believed. Several processes may look at the same time: one
 * fetches, the others wait for it and then find it in the cache.
 *
 * @throws KEYTURN_ENGINE_MISSING naming each way and why it came to nothing
 */
export async function findDevServer(options: FindOptions): Promise<DevServerProgram> {
  const { env, cacheDir, progress } = options;
  const tried: string[] = [];
  const cached = join(cacheDir, 'temporal');

  const named = env.KEYTURN_TEMPORAL_CLI;
  if (named) {
    const cli = await inspectCli(named, env);
    // A person who names a program means that one: going on with another would hide the mistake.
    if ('why' in cli) throw missing([`KEYTURN_TEMPORAL_CLI is ${named}: ${cli.why}`]);
    progress.done(`Temporal ${cli.server} (KEYTURN_TEMPORAL_CLI)`);
    return { ...cli, from: 'KEYTURN_TEMPORAL_CLI' };
  }

  const onPath = findOnPath('temporal', env);
  if (onPath) {
    const cli = await usableCli(onPath, env);
    if (!('why' in cli)) {
      progress.done(`Temporal ${cli.server} (${onPath})`);
      return { ...cli, from: 'PATH' };
    }
    tried.push(`${onPath}: ${cli.why}`);
  } else {
    tried.push('temporal is not on PATH');
  }

  const fromCache = async (): Promise<DevServerProgram | Unusable> => {
    if (!canRun(cached)) return { why: 'there is none' };
    const cli = await usableCli(cached, env);
    if ('why' in cli) return cli;
    progress.done(`Temporal ${cli.server} (cached)`);
    return { ...cli, from: 'cache' };
  };

  const found = await fromCache();
  if (!('why' in found)) return found;

  return fetchOnce('temporal', options, async (workshop) => {
    const foundNow = await fromCache();
    if (!('why' in foundNow)) return foundNow;
    if (canRun(cached)) progress.failed(`The cached Temporal cannot be used (${foundNow.why}); fetching it again`);
    return fetchDevServer(workshop, cached, options, tried);
  });
}

/** Downloads or builds in `workshop`; what works is moved to `cached` in one step, so that no half file is ever there. */
async function fetchDevServer(
  workshop: string,
  cached: string,
  { env, progress, signal, downloadHost = SDK_DOWNLOAD_HOST }: FindOptions,
  tried: string[],
): Promise<DevServerProgram> {
  const keep = async (program: string, from: 'download' | 'go'): Promise<DevServerProgram> => {
    const cli = await usableCli(program, env);
    if ('why' in cli) throw new Error(cli.why);
    await rename(program, cached);
    return { ...cli, path: cached, from };
  };

  try {
    progress.step('Downloading Temporal');
    const onBytes = (bytes: number) => progress.tick(`Downloading Temporal, ${Math.round(bytes / 1e6)} MB`);
    const folder = join(workshop, 'download');
    const program = await downloadFromSdkHost('cli', folder, { env, host: downloadHost, signal, onBytes });
    const kept = await keep(program, 'download');
    progress.done(`Temporal ${kept.server} (downloaded)`);
    return kept;
  } catch (error) {
    signal?.throwIfAborted();
    tried.push(`the SDK's download: ${(error as Error).message}`);
    progress.failed(`No download of Temporal (${(error as Error).message}); building it with Go instead`);
  }

  try {
    const started = Date.now();
    const folder = join(workshop, 'go');
    await mkdir(folder);
    const kept = await keep(await goInstallCli(folder, env, progress, signal), 'go');
    progress.done(`Temporal ${kept.server} (built in ${Math.round((Date.now() - started) / 1000)} s, now cached)`);
    return kept;
  } catch (error) {
    signal?.throwIfAborted();
    tried.push(`go install ${CLI_MODULE}: ${(error as Error).message}`);
    progress.failed(`No build of Temporal (${(error as Error).message})`);
    throw missing(tried);
  }
}

async function usableCli(path: string, env: Environment) {
  const cli = await inspectCli(path, env);
  return 'why' in cli ? cli : (tooOld(cli) ?? cli);
}

function missing(tried: readonly string[]) {
  return fault('KEYTURN_ENGINE_MISSING', "Temporal's development server", `Tried: ${tried.join('; ')}.`);
}
