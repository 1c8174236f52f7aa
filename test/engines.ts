import type { TestProject } from 'vitest/node';
import { keyturnPaths } from '../config/paths.ts';
import { findDevServer } from '../engine/find-dev-server.ts';
import { findTestServer } from '../engine/find-test-server.ts';
import { printProgress } from '../engine/progress.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of Temporal's command line program, with the development server in it. */
    temporalCli: string;
    /** Path of the time-skipping test server. */
    testServer: string;
  }
}

/** Finds both engines once for all test files (`inject('temporalCli')`, `inject('testServer')`), fetching what is missing. */
export default async function findEngines(project: TestProject): Promise<void> {
  const { cacheDir } = keyturnPaths(process.env);
  const options = { env: process.env, cacheDir, progress: printProgress(process.stderr) };
  project.provide('temporalCli', (await findDevServer(options)).path);
  project.provide('testServer', await findTestServer(options));
}
