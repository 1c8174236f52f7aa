import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { choosePort } from '../../engine/free-port.ts';
import { watchdog } from '../../engine/watchdog.ts';
import { fetchEtcd, findEtcd } from './etcd.ts';
import { mayFetch, notAtHand } from './fetching.ts';
import { buildApiserver, isApiserverBuilt } from './kube-apiserver-build.ts';

/** A cluster without nodes: what its API takes is what any cluster's takes, RBAC and admission included. */
export type KubeApiserver = {
  url: string;
  /** PEM. */
  ca: string;
  /** Of a member of `system:masters`. */
  adminToken: string;
  close(): Promise<void>;
};

const startTimeoutMs = 60_000;
const adminToken = 'admin-of-the-test';

export function isKubeApiserverAtHand(): boolean {
  return isApiserverBuilt() && findEtcd() !== undefined;
}

/** Starts kube-apiserver over etcd, each with a folder that goes with it; or why that cannot be. */
export async function startKubeApiserver(): Promise<KubeApiserver | { unavailable: string }> {
  if (!isKubeApiserverAtHand() && !mayFetch()) return { unavailable: notAtHand };
  let program: string;
  let etcdProgram: string;
  try {
    etcdProgram = findEtcd() ?? fetchEtcd();
    program = await buildApiserver();
  } catch (error) {
    return { unavailable: `kube-apiserver cannot be had: ${(error as Error).message}` };
  }
  const folder = mkdtempSync(join(tmpdir(), 'keyturn-kube-'));
  const clients = await address('etcd');
  const peers = await address('etcd');
  const etcd = started(etcdProgram, join(folder, 'etcd.log'), [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${clients}`,
    `--advertise-client-urls=${clients}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
    '--unsafe-no-fsync',
  ]);
  const url = (await address('kube-apiserver')).replace('http:', 'https:');
  execFileSync('openssl', ['genrsa', '-out', join(folder, 'accounts.key'), '2048'], { stdio: 'ignore' });
  writeFileSync(join(folder, 'tokens.csv'), `${adminToken},admin,admin,system:masters\n`);
  const log = join(folder, 'apiserver.log');
  const apiserver = started(program, log, [
    `--etcd-servers=${clients}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${new URL(url).port}`,
    `--cert-dir=${folder}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(folder, 'accounts.key')}`,
    `--service-account-signing-key-file=${join(folder, 'accounts.key')}`,
  ]);
  const close = async () => {
    await apiserver.stop();
    await etcd.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  try {
    for (const until = Date.now() + startTimeoutMs; !(await isReady(url, agent)); await sleep(100)) {
      if (!apiserver.ended() && Date.now() < until) continue;
      throw new Error(`kube-apiserver did not start: ${readFileSync(log, 'utf8').slice(-1000)}`);
    }
  } catch (error) {
    await close();
    throw error;
  } finally {
    await agent.close();
  }
  return { url, ca: readFileSync(join(folder, 'apiserver.crt'), 'utf8'), adminToken, close };
}

async function address(forWhat: string): Promise<string> {
  return `http://127.0.0.1:${await choosePort({ asked: 0, usual: 0, forWhat })}`;
}

function started(program: string, log: string, args: string[]) {
  const file = openSync(log, 'w');
  const child = spawn(program, args, { stdio: ['ignore', file, file] });
  closeSync(file);
  const dog = watchdog(child.pid as number); // both were found, so there is one
  const end = once(child, 'exit');
  return {
    ended: () => child.exitCode !== null || child.signalCode !== null,
    async stop() {
      // Nothing of it is kept: it need not say goodbye, which takes kube-apiserver some seconds.
      child.kill('SIGKILL');
      await end;
      dog.dismiss();
    },
  };
}

async function isReady(url: string, dispatcher: Agent): Promise<boolean> {
  try {
    const headers = { authorization: `Bearer ${adminToken}` };
    const { statusCode, body } = await request(`${url}/readyz`, { dispatcher, headers });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  }
}
