import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../client/temporal.ts';
import { freshKeyring } from '../../keyring/keyring.ts';
import { adminTools, composed, runJob } from './composed.ts';
import { startPostgres } from './postgres.ts';
import { say } from './say.ts';
import { launchTemporal, planTemporal, untilServing } from './temporal.ts';

/** Temporal as docker-compose.yml has it, with its namespace; search attributes are for `keyturn setup`. */
export type TemporalOnPostgres = {
  /** What a worker or a client of the compose file finds in its environment. */
  env: Environment;
  close(): Promise<void>;
};

export async function startTemporalOnPostgres(folder: string, logsDir: string): Promise<TemporalOnPostgres> {
  const secrets = join(folder, 'secrets');
  const script = fileURLToPath(new URL('../../deploy/make-secrets.sh', import.meta.url));
  execFileSync(script, [secrets], { stdio: ['ignore', 'ignore', 'inherit'] });
  const tools = await adminTools(folder);
  const cli = { PATH: `${tools}:${process.env.PATH}`, HOME: folder };
  const password = await readFile(join(secrets, 'postgres-password'), 'utf8');
  const postgres = await startPostgres({ user: 'temporal', password });
  await runJob('schema', secrets, { ...cli, SQL_HOST: '127.0.0.1', SQL_PORT: String(postgres.port) });
  const plan = await planTemporal(postgres, { secrets, logFile: join(logsDir, 'temporal.log') });
  const server = launchTemporal(plan);
  const env = { ...composed('worker', secrets).environment, TEMPORAL_ADDRESS: plan.address };
  const serving = await untilServing(plan, server, { env: { ...cli, ...env }, keyring: freshKeyring() });
  await serving.connection.close();
  await runJob('namespace', secrets, { ...cli, TEMPORAL_ADDRESS: plan.address });
  say(`Temporal's server serves on ${plan.address}`);
  return {
    env,
    async close() {
      await server.kill('SIGTERM');
      await postgres.close();
    },
  };
}
