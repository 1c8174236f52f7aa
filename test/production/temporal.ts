import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectTemporal, type Environment, type Temporal } from '../../client/temporal.ts';
import { watchdog } from '../../engine/watchdog.ts';
import type { Keyring } from '../../keyring/keyring.ts';
import { composed } from './composed.ts';
import { goProgram, temporalServer } from './go-program.ts';
import type { Postgres } from './postgres.ts';

/** Where Temporal serves; the same over its restarts. */
export type TemporalPlan = {
  /** For a shell. */
  command: string;
  address: string;
  env: Environment;
  logFile: string;
};

export type PlanOptions = {
  /** What deploy/make-secrets.sh made. */
  secrets: string;
  logFile: string;
};

export type TemporalProcess = {
  pid: number;
  lives(): boolean;
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
};

const dynamicConfig = fileURLToPath(new URL('../../deploy/temporal/dynamic-config.yaml', import.meta.url));
const startSeconds = 60;

/** The server's settings: those of docker-compose.yml, on this machine's PostgreSQL and on free ports. */
export async function planTemporal(postgres: Postgres, { secrets, logFile }: PlanOptions): Promise<TemporalPlan> {
  const services = ['FRONTEND', 'HISTORY', 'MATCHING', 'WORKER'];
  const wanted = [
    ...services.flatMap((service) => [`${service}_GRPC_PORT`, `${service}_MEMBERSHIP_PORT`]),
    'FRONTEND_HTTP_PORT',
  ];
  const free = await freePorts(wanted.length);
  const ports = Object.fromEntries(wanted.map((name, at) => [name, String(free[at])]));
  const { environment, script } = composed('temporal', secrets);
  const program = await goProgram(temporalServer);
  const env = {
    ...environment,
    ...ports,
    PATH: process.env.PATH,
    POSTGRES_SEEDS: '127.0.0.1',
    DB_PORT: String(postgres.port),
    BIND_ON_IP: '127.0.0.1',
    DYNAMIC_CONFIG_FILE_PATH: dynamicConfig,
  };
  // The image's entrypoint finds the container's address and then does this.
  const command = script.replace('/etc/temporal/entrypoint.sh', `${program} start`);
  return { command, address: `127.0.0.1:${ports.FRONTEND_GRPC_PORT}`, env, logFile };
}

/** Starts the server, with the configuration that is built into it. It may not serve yet. */
export function launchTemporal({ command, env, logFile }: TemporalPlan): TemporalProcess {
  const log = openSync(logFile, 'a', 0o600);
  const server = spawn('/bin/sh', ['-euc', command], { env, stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  const ended = once(server, 'exit');
  const pid = server.pid as number; // a spawned process has one
  const dog = watchdog(pid);
  return {
    pid,
    lives: () => server.exitCode === null && server.signalCode === null,
    async kill(signal) {
      server.kill(signal);
      await ended;
      dog.dismiss();
    },
  };
}

/** Connects as soon as it serves. @throws Error with the end of its log */
export async function untilServing(
  { logFile }: TemporalPlan,
  server: TemporalProcess,
  { env, keyring }: { env: Environment; keyring: Keyring },
): Promise<Temporal> {
  const giveUp = Date.now() + startSeconds * 1000;
  for (;;) {
    try {
      return await connectTemporal({ env, keyring, connectTimeoutMs: 1_000 });
    } catch (error) {
      if (server.lives() && Date.now() < giveUp) await sleep(100);
      else throw new Error(`${(error as Error).message}\n${(await readFile(logFile, 'utf8')).slice(-4_000)}`);
    }
  }
}

/**
 * All held at once, so that they are different ones. Temporal keeps them in PostgreSQL as `smallint`: a port from 32,768
 * on, which is what the system gives for 0, ends the server with "out of range for type smallint".
 */
async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = [];
  while (held.length < count) {
    const server = createServer().listen(randomInt(15_000, 32_768), '127.0.0.1');
    await once(server, 'listening').then(
      () => held.push(server),
      () => {}, // taken
    );
  }
  const ports = held.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(held.map((server) => once(server.close(), 'close')));
  return ports;
}
