import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { openKeyring } from '../../keyring/keyring-source.ts';
import type { PolicyStatus } from '../../policy/life/status.ts';
import { isAlive } from '../engine/workspace.ts';
import { machineFiles, requireNone } from '../process/everywhere.ts';
import { findLeaks } from '../process/secret-scan.ts';
import { type CommandRun, mainFile, runKeyturn } from '../run-keyturn.ts';

const startMs = 60_000;

let folder: string;
let env: Record<string, string | undefined>;
let running: Dev[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-dev-'));
  env = {
    PATH: process.env.PATH,
    HOME: folder,
    KEYTURN_TEMPORAL_CLI: inject('temporalCli'),
    XDG_DATA_HOME: join(folder, 'data'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_STATE_HOME: join(folder, 'state'),
  };
  running = [];
});

afterEach(async () => {
  for (const dev of running) await dev.stop('SIGKILL');
  try {
    const printed = running.map((dev) => ({ name: 'keyturn dev', bytes: Buffer.from(dev.printed()) }));
    requireNone(findLeaks([...(await machineFiles({ folder })), ...printed], []));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

type Dev = {
  printed(): string;
  /** Waits until it has printed this. */
  prints(pattern: RegExp): Promise<RegExpExecArray>;
  stop(signal: NodeJS.Signals): Promise<number | null>;
};

function startDev(): Dev {
  // Free ports: a person's own keyturn dev may have the usual ones.
  const args = ['dev', '--port', '0', '--ui-port', '0', '--simulator-port', '0'];
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(process.execPath, [mainFile, ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  const dev: Dev = {
    printed: () => text,
    async prints(pattern) {
      const found = () => pattern.exec(text);
      await expect.poll(found, { timeout: startMs }).not.toBeNull();
      return found() as RegExpExecArray;
    },
    async stop(signal) {
      child.kill(signal);
      return (await ended)[0];
    },
  };
  running.push(dev);
  return dev;
}

const keyturn = (args: string[]): Promise<CommandRun> => runKeyturn({ folder, env }, args);

async function status(): Promise<PolicyStatus> {
  const { stdout, stderr } = await keyturn(['status', 'demo', '-o', 'json']);
  if (stderr !== '') throw new Error(stderr);
  return JSON.parse(stdout) as PolicyStatus;
}

/** Keeps the next request of an operation without an answer, so that a rotation stands still in its middle. */
async function hold(simulator: string, on: string) {
  const injections = `${simulator}/control/injections`;
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ on, when: 'before', kind: 'hang' });
  const { id } = (await (await fetch(injections, { method: 'POST', headers, body })).json()) as { id: string };
  return {
    reached: async () => expect((await fetch(`${injections}/${id}/reached`)).status).toBe(200),
    remove: async () => expect((await fetch(`${injections}/${id}`, { method: 'DELETE' })).status).toBe(200),
  };
}

const workerPid = async (dev: Dev) => Number((await dev.prints(/worker on task queue keyturn +process (\d+)/))[1]);

test('the first start ends with a rotated key; a second terminal finds it; Ctrl-C leaves nothing; the keys stay', async () => {
  const first = startDev();
  await first.prints(
    /demo {2}first key\n[\s\S]*✔ create key [\s\S]*✔ published\n {2}demo {2}rotates\n[\s\S]*✔ published\n/,
  );
  const ready = await first.prints(/^Keyturn is ready\. Web UI: (http:\/\/127\.0\.0\.1:\d+)$/m);
  expect((await fetch(String(ready[1]))).status).toBe(200);
  expect(first.printed()).toContain('npm run -s keyturn -- rotate demo --wait');

  // No variable names this Temporal, whose port is not the usual one.
  const before = await status();
  expect(before.keys[0]).toMatchObject({ generation: 2, state: 'live' });

  const again = await keyturn(['dev']);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('KEYTURN_ENGINE_IN_USE') });

  const worker = await workerPid(first);
  expect(await first.stop('SIGINT')).toBe(0);
  expect(isAlive(worker)).toBe(false);
  expect(existsSync(join(folder, 'data/keyturn/dev-address.json'))).toBe(false);

  const second = startDev();
  const still = await second.prints(/policy demo is still there +#2 (\S+) live/);
  expect(before.keys[0]?.hash.startsWith(String(still[1]).slice(0, 4))).toBe(true);
  await second.prints(/^Keyturn is ready/m);
  expect((await status()).keys[0]).toMatchObject({ generation: 2, hash: before.keys[0]?.hash });
  expect((await keyturn(['rotate', 'demo', '--wait', '--end-grace'])).code).toBe(0);
  expect(await second.stop('SIGTERM')).toBe(0);
}, 180_000);

test('a killed worker is started again and its rotation goes on; a killed dev takes everything along, but no key', async () => {
  const dev = startDev();
  await dev.prints(/^Keyturn is ready/m);
  const simulator = String((await dev.prints(/OpenRouter simulator +(\S+)/))[1]);
  const held = await hold(simulator, 'currentKey');
  const rotating = keyturn(['rotate', 'demo', '--wait', '--end-grace']);
  await held.reached();
  process.kill(await workerPid(dev), 'SIGKILL');
  await held.remove();
  const again = /is started again[\s\S]*worker on task queue keyturn +process (\d+)/;
  const worker = Number((await dev.prints(again))[1]);
  const { code, stdout } = await rotating;
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/✔ published\n$/) });
  const { keys } = await status();
  expect(keys[0]).toMatchObject({ generation: 3, state: 'live' });

  await dev.stop('SIGKILL');
  await expect.poll(() => isAlive(worker), { timeout: 15_000 }).toBe(false);
  // It leaves its lock and its address behind; neither is in the way.
  const next = startDev();
  await next.prints(/policy demo is still there +#3 /);
  await next.prints(/^Keyturn is ready/m);
  expect((await status()).keys[0]).toMatchObject({ hash: keys[0]?.hash });
  expect(await next.stop('SIGTERM')).toBe(0);
}, 180_000);

test('a vault that cannot be opened stops the start with its reason', async () => {
  await openKeyring(join(folder, 'data/keyturn/keyring.json'));
  writeFileSync(join(folder, 'data/keyturn/vault.db'), 'not a vault');
  const dev = await keyturn(['dev']);
  expect(dev).toMatchObject({ code: 1, stderr: expect.stringContaining('KEYTURN_VAULT_CORRUPT') });
}, 60_000);

test('real keys and the simulator never share a data folder', async () => {
  const added = await runKeyturn(
    { folder, env },
    ['connection', 'add', 'real', '--base-url', 'https://127.0.0.2:9/api/v1'],
    'sk',
  );
  expect(added.code).toBe(0);
  const dev = await keyturn(['dev']);
  expect(dev).toMatchObject({ code: 1, stderr: expect.stringContaining('KEYTURN_DATA_MIXED') });

  env.XDG_DATA_HOME = join(folder, 'simulated');
  mkdirSync(join(folder, 'simulated/keyturn'), { recursive: true });
  writeFileSync(join(folder, 'simulated/keyturn/simulator.json'), '{}');
  const live = await keyturn(['dev', '--live']);
  expect(live).toMatchObject({ code: 1, stderr: expect.stringContaining('KEYTURN_DATA_MIXED') });
}, 60_000);
