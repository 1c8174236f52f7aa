import { mkdir, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Environment } from '../../client/temporal.ts';
import { keyturnPaths } from '../../config/paths.ts';
import { findDevServer } from '../../engine/find-dev-server.ts';
import { runProgram } from '../../engine/run-program.ts';
import { readComposeFile } from '../deploy/compose-file.ts';
import { goProgram, temporalSqlTool } from './go-program.ts';
import { progress } from './say.ts';

const file = readComposeFile();
const jobSeconds = 120;

/**
 * A service of docker-compose.yml as it stands there: its environment, with the defaults of variables, and its shell
 * script where it has one. Its secrets are read from `secrets` instead of /run/secrets.
 */
export function composed(name: string, secrets: string): { environment: Environment; script: string } {
  const { environment = {}, command = [] } = file.services[name] ?? {};
  const inSecrets = (_: string, secret: string) => join(secrets, basename(String(file.secrets[secret]?.file)));
  const here = (text: string) =>
    text.replaceAll(/\/run\/secrets\/([a-z-]+)/g, inSecrets).replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');
  return {
    environment: Object.fromEntries(Object.entries(environment).map(([variable, value]) => [variable, here(value)])),
    // In a compose file a dollar is written twice.
    script: here(String(command[0])).replaceAll('$$', '$'),
  };
}

/** Runs a one-shot service's script to its end; `env` is put over its own environment. @throws Error with its output */
export async function runJob(name: string, secrets: string, env: Environment): Promise<string> {
  const { environment, script } = composed(name, secrets);
  const options = { env: { ...environment, ...env }, timeoutMs: jobSeconds * 1000 };
  const { problem, output } = await runProgram('/bin/sh', ['-euc', script], options);
  if (problem !== undefined) throw new Error(`${name}: ${output}`);
  return output;
}

/** A folder for PATH with the programs of Temporal's admin-tools image. */
export async function adminTools(folder: string): Promise<string> {
  const bin = join(folder, 'admin-tools');
  await mkdir(bin);
  await symlink(await goProgram(temporalSqlTool), join(bin, 'temporal-sql-tool'));
  const { cacheDir } = keyturnPaths(process.env);
  await symlink((await findDevServer({ env: process.env, cacheDir, progress })).path, join(bin, 'temporal'));
  return bin;
}
