import { spawn } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fault } from '../errors/keyturn-error.ts';
import { canRun, findOnPath } from './executable.ts';
import { fetchOnce } from './fetch-once.ts';
import type { FindOptions } from './find-dev-server.ts';
import { choosePort } from './free-port.ts';
import { type Environment, runProgram } from './run-program.ts';
import { downloadFromSdkHost, SDK_DOWNLOAD_HOST } from './sdk-download.ts';
import { serves } from './serves.ts';

/** The Java package of the server and its version; 1.32.0 is the one tried with SDK 1.24 (design §10). */
const VERSION = '1.32.0';
/** The version of slf4j that the server brings; without a logger of the same one it warns on every start. */
const SLF4J_VERSION = '1.7.36';

const MAVEN_TIMEOUT_MS = 5 * 60_000;
/** sdk-core gives up on a server that does not listen within 5 s, so one that needs longer is of no use. */
const LISTEN_TIMEOUT_MS = 5_000;

/**
 * Finds Temporal's time-skipping test server, or fetches it once for all later times: the cache, the SDK's download,
 * Maven with Java. What was fetched is started once before it is believed.
 *
 * @returns the path of a program for `TestWorkflowEnvironment.createTimeSkipping({server: {executable: {type: 'existing-path', path}}})`
 * @throws KEYTURN_TEST_SERVER_MISSING naming each way and why it came to nothing
 */
export async function findTestServer(options: FindOptions): Promise<string> {
  const { cacheDir, progress } = options;
  const kept = join(cacheDir, `test-server-${VERSION}`);
  const program = join(kept, 'temporal-test-server');
  const fromCache = () => {
    if (!canRun(program)) return false;
    progress.done(`Temporal test server ${VERSION} (cached)`);
    return true;
  };

  if (fromCache()) return program;
  return fetchOnce('test-server', options, async (workshop) => {
    if (fromCache()) return program;
    const made = await fetchTestServer(workshop, options);
    await rm(kept, { recursive: true, force: true });
    await rename(made, kept);
    return program;
  });
}

/** Answers a folder inside `workshop` with a program `temporal-test-server` that was seen to serve. */
async function fetchTestServer(
  workshop: string,
  { env, progress, signal, downloadHost = SDK_DOWNLOAD_HOST }: FindOptions,
): Promise<string> {
  const tried: string[] = [];
  const downloaded = join(workshop, 'download');
  const fromMaven = join(workshop, 'maven');

  try {
    progress.step('Downloading the Temporal test server');
    const onBytes = (bytes: number) => progress.tick(`Downloading the test server, ${Math.round(bytes / 1e6)} MB`);
    const unpacked = join(workshop, 'unpacked');
    const program = await downloadFromSdkHost('temporal-test-server', unpacked, {
      env,
      host: downloadHost,
      signal,
      onBytes,
    });
    await mkdir(downloaded);
    await rename(program, join(downloaded, 'temporal-test-server'));
    await provenToServe(join(downloaded, 'temporal-test-server'), env);
    progress.done('Temporal test server (downloaded)');
    return downloaded;
  } catch (error) {
    signal?.throwIfAborted();
    tried.push(`the SDK's download: ${(error as Error).message}`);
    progress.failed(`No download of the test server (${(error as Error).message}); fetching it with Maven instead`);
  }

  try {
    progress.step(`Fetching the Temporal test server ${VERSION} with Maven`);
    await installWithMaven(fromMaven, env, signal);
    await provenToServe(join(fromMaven, 'temporal-test-server'), env);
    progress.done(`Temporal test server ${VERSION} (from Maven, now cached)`);
    return fromMaven;
  } catch (error) {
    signal?.throwIfAborted();
    tried.push(`Maven: ${(error as Error).message}`);
    progress.failed(`No test server from Maven (${(error as Error).message})`);
    throw fault('KEYTURN_TEST_SERVER_MISSING', `Tried: ${tried.join('; ')}.`);
  }
}

async function installWithMaven(folder: string, env: Environment, signal: AbortSignal | undefined): Promise<void> {
  for (const program of ['java', 'mvn']) {
    if (!findOnPath(program, env)) throw new Error(`${program} is not on PATH`);
  }
  await mkdir(folder);
  await writeFile(join(folder, 'pom.xml'), POM);
  const { problem } = await runProgram(
    'mvn',
    ['-B', '-q', '-ntp', 'dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'lib')}`],
    { env, cwd: folder, timeoutMs: MAVEN_TIMEOUT_MS, signal },
  );
  if (problem !== undefined) throw new Error(problem);
  await writeFile(join(folder, 'temporal-test-server'), WRAPPER, { mode: 0o755 });
}

const dependency = (group: string, artifact: string, version: string) =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;

const POM = `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>keyturn</groupId><artifactId>test-server</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    ${dependency('io.temporal', 'temporal-test-server', VERSION)}
    ${dependency('org.slf4j', 'slf4j-nop', SLF4J_VERSION)}
  </dependencies>
</project>
`;

/** The jar is not a fat one and its folder is moved, so the class path is made from where this script lies. */
const WRAPPER = `#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
exec java -XX:TieredStopAtLevel=1 -Xmx512m -cp "$here/lib/*" io.temporal.testserver.TestServer "$@"
`;

/** @throws Error unless the program listens on the port it is given, and answers, as fast as the SDK demands */
async function provenToServe(program: string, env: Environment): Promise<void> {
  const port = await choosePort({ asked: 0, usual: 0, forWhat: 'the test server' });
  const child = spawn(program, [String(port)], { env, stdio: 'ignore' });
  const gaveUp = new AbortController();
  const timer = setTimeout(() => gaveUp.abort(), LISTEN_TIMEOUT_MS);
  child.once('error', () => gaveUp.abort()).once('exit', () => gaveUp.abort());
  try {
    if (!(await serves(`127.0.0.1:${port}`, 'default', gaveUp.signal))) throw new Error('it does not start here');
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
}
