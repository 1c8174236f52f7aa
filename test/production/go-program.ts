import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { keyturnPaths } from '../../config/paths.ts';
import { canRun } from '../../engine/executable.ts';
import { fetchOnce } from '../../engine/fetch-once.ts';
import { type GoProgram, goInstall } from '../../engine/go-install.ts';
import { progress } from './say.ts';

/** Serves PostgreSQL, MySQL and SQLite; with all four services of Temporal in it. */
export const temporalServer: GoProgram & { file: string } = {
  file: 'temporal-server-1.31.2',
  module: 'go.temporal.io/server/cmd/server@v1.31.2',
  name: "Temporal's server 1.31.2",
  takes: 'about 5 minutes',
};

/** Makes and updates the schema of a database. */
export const temporalSqlTool: GoProgram & { file: string } = {
  file: 'temporal-sql-tool-1.31.2',
  module: 'go.temporal.io/server/cmd/tools/sql@v1.31.2',
  name: "Temporal's SQL tool 1.31.2",
  takes: 'half a minute',
};

/** What `kubectl apply -k` renders with. */
export const kustomize: GoProgram & { file: string } = {
  file: 'kustomize-5.7.1',
  module: 'sigs.k8s.io/kustomize/kustomize/v5@v5.7.1',
  name: 'kustomize 5.7.1',
  takes: 'half a minute',
};

/** Reads a compose file as `docker compose` does: this is the code that it uses for that. */
export const composeReader: GoProgram & { file: string } = {
  file: 'compose-go-2.16.2',
  module: 'github.com/compose-spec/compose-go/v2/cmd@v2.16.2',
  name: 'the compose specification 2.16.2',
  takes: 'half a minute',
};

/**
 * Its path in Keyturn's cache folder, where it is built first if it is not there.
 *
 * @throws Error where Go is missing or the build fails
 */
export async function goProgram(program: typeof temporalServer): Promise<string> {
  const { cacheDir } = keyturnPaths(process.env);
  const cached = join(cacheDir, program.file);
  await mkdir(cacheDir, { recursive: true });
  return fetchOnce(program.file, { cacheDir, progress }, async (folder) => {
    if (canRun(cached)) return cached;
    await rename(await goInstall(program, { folder, env: process.env, progress }), cached);
    return cached;
  });
}
