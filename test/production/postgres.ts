import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, closeSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { canRun, findOnPath } from '../../engine/executable.ts';
import { choosePort } from '../../engine/free-port.ts';
import { runProgram } from '../../engine/run-program.ts';
import { watchdog } from '../../engine/watchdog.ts';
import { say } from './say.ts';

export type Postgres = {
  port: number;
  pid: number;
  /** Everything in a database, as SQL; binary columns as the bytes that they hold as well. */
  dump(database: string): Buffer;
  /** As docs/deploy.md does it. */
  backUp(database: string, file: string): void;
  restore(database: string, file: string): void;
  close(): Promise<void>;
};

const installSeconds = 300;
const startSeconds = 30;

/**
 * A PostgreSQL cluster of its own in a temporary folder, on a free port, with this user and password. Debian's server is installed
 * first where there is none and this may be done. PostgreSQL refuses to run as root: then it runs as user `postgres`.
 */
export async function startPostgres({ user, password }: { user: string; password: string }): Promise<Postgres> {
  const bin = await findPostgres();
  const asWhom = await unprivileged();
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-postgres-'));
  if (asWhom) chownSync(folder, asWhom.uid, asWhom.gid);
  const [data, passwordFile] = [join(folder, 'data'), join(folder, 'password')];
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (asWhom) chownSync(passwordFile, asWhom.uid, asWhom.gid);

  const asUser = { ...asWhom, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' } };
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', user, '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--encoding=UTF8'],
    { ...asUser, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const port = await choosePort({ asked: 0, usual: 0, forWhat: 'PostgreSQL' });
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'a');
  const settings = { listen_addresses: '127.0.0.1', port, unix_socket_directories: folder };
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...asUser, stdio: ['ignore', log, log], detached: true },
  );
  closeSync(log);
  const pid = server.pid as number; // a spawned process has one
  const dog = watchdog(pid);
  const client = (program: string, args: string[]): string => {
    const where = ['-h', '127.0.0.1', '-p', String(port), '-U', user];
    const env = { ...asUser.env, PGPASSWORD: password };
    return execFileSync(join(bin, program), [...where, ...args], { env, maxBuffer: 2 ** 30, encoding: 'utf8' });
  };
  const postgres: Postgres = {
    port,
    pid,
    dump(database) {
      const sql = client('pg_dump', ['--data-only', database]);
      const binary = [...sql.matchAll(/\\\\x([0-9a-f]+)/g)].map(([, hex]) => Buffer.from(String(hex), 'hex'));
      return Buffer.concat([Buffer.from(sql), ...binary]);
    },
    backUp(database, file) {
      // Who was in the cluster a moment ago would be waited for.
      client('pg_dump', ['--format=custom', '--exclude-table-data=cluster_membership', `--file=${file}`, database]);
    },
    restore(database, file) {
      client('createdb', [database]);
      client('pg_restore', ['--exit-on-error', `--dbname=${database}`, file]);
    },
    async close() {
      await stop(server);
      dog.dismiss();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await untilReady(server, bin, port, logFile);
  } catch (error) {
    await postgres.close();
    throw error;
  }
  return postgres;
}

/** The folder of the newest PostgreSQL's programs. */
async function findPostgres(): Promise<string> {
  const found = installed();
  if (found) return found;
  const byHand = 'Install it first (Debian: apt-get install postgresql).';
  if (process.getuid?.() !== 0 || !findOnPath('apt-get', process.env)) {
    throw new Error(`The production test needs PostgreSQL's server, and none is installed. ${byHand}`);
  }
  say("installing Debian's PostgreSQL");
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'postgresql']]) {
    const { problem } = await runProgram('apt-get', args, { env, timeoutMs: installSeconds * 1000 });
    if (problem !== undefined) throw new Error(`apt-get ${args[0]} failed: ${problem}. ${byHand}`);
  }
  const now = installed();
  if (!now) throw new Error(`PostgreSQL's server is installed and its programs are not found. ${byHand}`);
  return now;
}

function installed(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = listing(debian).sort((a, b) => Number(b) - Number(a));
  const initdb = findOnPath('initdb', process.env);
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...(initdb ? [join(initdb, '..')] : [])];
  return folders.find((folder) => canRun(join(folder, 'initdb')) && canRun(join(folder, 'postgres')));
}

function listing(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((one) => one.startsWith('postgres:'));
  if (line === undefined) throw new Error('PostgreSQL does not run as root, and there is no user "postgres".');
  const [, , uid, gid] = line.split(':').map(Number);
  return { uid: Number(uid), gid: Number(gid) };
}

async function untilReady(server: ChildProcess, bin: string, port: number, logFile: string): Promise<void> {
  const giveUp = Date.now() + startSeconds * 1000;
  while (server.exitCode === null && Date.now() < giveUp) {
    const args = ['-q', '-h', '127.0.0.1', '-p', String(port)];
    const { problem } = await runProgram(join(bin, 'pg_isready'), args, { env: process.env, timeoutMs: 5_000 });
    if (problem === undefined) return;
    await sleep(100);
  }
  throw new Error(`PostgreSQL does not start:\n${await readFile(logFile, 'utf8')}`);
}

/** SIGINT: it ends its sessions and closes its files ("fast shutdown"). */
async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, 'exit');
  server.kill('SIGINT');
  await ended;
}
