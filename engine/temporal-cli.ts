import { type Environment, runProgram } from './run-program.ts';

/** The oldest server that Keyturn is tested with, as major and minor: what `go install` of the pinned tag brings. */
const OLDEST_SERVER = [1, 29] as const;

const VERSION_TIMEOUT_MS = 15_000;

/** A Temporal command line program that was seen to run. */
export type TemporalCli = { path: string; server: string };

/** Why a file is not a Temporal command line program that can be used, in words. */
export type Unusable = { why: string };

/** Runs `path --version` and reads which server is built in. A file that does not run, or is another program, is `Unusable`. */
export async function inspectCli(path: string, env: Environment): Promise<TemporalCli | Unusable> {
  const { output, problem } = await runProgram(path, ['--version'], { env, timeoutMs: VERSION_TIMEOUT_MS });
  if (problem !== undefined) return { why: problem };
  const server = /\bServer (\d+\.\d+\.\d+[\w.-]*)/.exec(output)?.[1];
  return server ? { path, server } : { why: 'it names no server version, so it is another program' };
}

/** Whether the server built into `cli` is too old for Keyturn, and in what words. */
export function tooOld(cli: TemporalCli): Unusable | undefined {
  const [major = 0, minor = 0] = cli.server.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_SERVER;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  return { why: `its server ${cli.server} is older than ${OLDEST_SERVER.join('.')}` };
}
