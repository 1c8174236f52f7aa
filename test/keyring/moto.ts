import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { keyturnPaths } from '../../config/paths.ts';
import { choosePort } from '../../engine/free-port.ts';
import { takeLock } from '../../files/exclusive-lock.ts';

/** A KMS of this machine: moto's server, which really encrypts. `env` is what AWS's SDK needs to use it. */
export type Moto = { env: Record<string, string>; close(): Promise<void> };

const run = promisify(execFile);
const startTimeoutMs = 60_000;

/** Installs moto from PyPI into the cache folder, once (two minutes, 320 MB), and starts it; or why that cannot be. */
export async function startMoto(): Promise<Moto | { unavailable: string }> {
  let program: string;
  try {
    program = await installed();
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    const [reason = message] = stderr.trim().split('\n').slice(-1);
    return { unavailable: `moto's server cannot be had: ${reason}` };
  }
  const port = await choosePort({ asked: 0, usual: 0, forWhat: 'moto' });
  const server = spawn(program, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const ended = once(server, 'exit');
  const url = `http://127.0.0.1:${port}`;
  for (const deadline = Date.now() + startTimeoutMs; ; await sleep(100)) {
    if (
      await fetch(`${url}/moto-api/`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break;
    if (server.exitCode !== null || Date.now() > deadline) throw new Error('moto did not start');
  }
  return {
    env: {
      AWS_ENDPOINT_URL_KMS: url,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'for-moto',
      AWS_SECRET_ACCESS_KEY: 'for-moto',
    },
    async close() {
      server.kill();
      await ended;
    },
  };
}

async function installed(): Promise<string> {
  const { cacheDir } = keyturnPaths(process.env);
  const folder = join(cacheDir, 'moto');
  const program = join(folder, 'bin', 'moto_server');
  const complete = join(folder, 'complete');
  const lock = await takeLock(join(cacheDir, 'moto.lock'), () => {});
  try {
    if (!existsSync(complete)) {
      await run('python3', ['-m', 'venv', '--clear', folder]);
      await run(join(folder, 'bin', 'pip'), [
        'install',
        '--quiet',
        '--disable-pip-version-check',
        'moto[server,kms]>=5,<6',
      ]);
      writeFileSync(complete, '');
    }
  } finally {
    lock.release();
  }
  return program;
}
