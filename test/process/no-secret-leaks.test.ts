import { randomBytes } from 'node:crypto';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectTemporal, type Temporal } from '../../client/temporal.ts';
import type { LogLine } from '../../simulator/index.ts';
import { runKeyturn } from '../run-keyturn.ts';
import { everywhere, expectNoLeak, machineFiles, outputOf, type Searched } from './everywhere.ts';
import { statusWhen } from './rotation.ts';
import { findLeaks, keyPrefix, type Place } from './secret-scan.ts';
import { type Stack, startStack } from './stack.ts';
import type { Moment } from './step-hook.ts';
import { startHookedWorker, type WorkerProcess } from './worker-process.ts';

const policy = `
name: leaky
connection: main
schedule: { every: 30, at: "03:30", timeZone: Europe/Berlin }
key: { name: leaky-key, limit: 5, limitReset: monthly }
secret: { name: LEAKY, stores: [local] }
grace: 0s
quarantine: 0s
`;

let stack: Stack;
let worker: WorkerProcess;
let temporal: Temporal;
let tampering = false;
/** Everything there is to search, as it was before anything was planted. */
let places: Place[];

beforeAll(async () => {
  stack = await startStack(inject('temporalCli'));
  const { simulator } = stack;
  const { injections } = simulator.control;
  temporal = await connectTemporal({ env: {}, address: stack.temporal.address, keyring: stack.keyring });
  // The most that a worker ever says.
  worker = startHookedWorker({ ...stack, env: { ...stack.env, KEYTURN_LOG_LEVEL: 'trace' } }, tamper);
  await worker.ready;
  await writeFile(join(stack.folder, 'leaky.yaml'), policy);

  await keyturn(['connection', 'add', 'by-hand', '--base-url', simulator.url], simulator.managementKey);
  await keyturn(['apply', '-f', 'leaky.yaml', '--wait']);
  await keyturn(['rotate', 'leaky', '--wait', '--reason', 'all goes well']);
  injections.add({ on: 'createKey', when: 'after', kind: 'reset' });
  await keyturn(['rotate', 'leaky', '--wait', '--reason', 'the answer is lost']);
  injections.add({ on: 'createKey', when: 'after', kind: 'truncated' });
  await keyturn(['rotate', 'leaky', '--wait', '--reason', 'the answer breaks off']);
  // OpenRouter's own words, which are quoted, hold a secret.
  const message = `Bearer ${simulator.managementKey}, that is ${simulator.managementKey}, may not see ${keySecrets()[0]}`;
  // Of the new key, not of the one before, which is asked for when an old one is to go.
  await statusWhen(stack.keyturn, 'leaky', ({ keys }) => keys.length === 1);
  tampering = true;
  await keyturn(['rotate', 'leaky', '--wait', '--reason', 'the store is changed before it is read back']);
  tampering = false;
  // The key that the store had shown goes first: its proof asks for keys as well.
  await statusWhen(stack.keyturn, 'leaky', ({ keys }) => keys.length === 1);
  injections.add({ on: 'getKey', when: 'before', kind: 'status', status: 403, message });
  await keyturn(['rotate', 'leaky', '--wait', '--reason', 'the new key is refused']);
  await statusWhen(stack.keyturn, 'leaky', ({ keys }) => keys.length === 1);
  simulator.control.managementKeys.revoke();
  await keyturn(['rotate', 'leaky', '--wait', '--reason', 'the management key is refused']);
  await keyturn(['connection', 'check', 'by-hand']);
  for (const format of ['text', 'json']) {
    for (const args of [['status', 'leaky'], ['history', 'leaky'], ['list']]) await keyturn([...args, '-o', format]);
  }
  places = await everywhere(here(), temporal);
}, 120_000);

afterAll(async () => {
  await worker.kill('SIGTERM');
  await temporal.connection.close();
  await stack.close({ planted: true });
});

test('every way a secret could take was taken', async () => {
  expect(stack.runs.map(({ args, code }) => [args.at(-1), code])).toEqual([
    [stack.simulator.url, 0],
    ['--wait', 0],
    ['all goes well', 0],
    ['the answer is lost', 0],
    ['the answer breaks off', 0],
    ['the store is changed before it is read back', 1],
    ['the new key is refused', 1],
    ['the management key is refused', 1],
    ['by-hand', 1],
    ...Array.from({ length: 3 }, () => ['text', 0]),
    ...Array.from({ length: 3 }, () => ['json', 0]),
  ]);
  // First, second, two for each answer that was spoilt, two that were undone.
  expect(keySecrets()).toHaveLength(8);
  expect(stack.simulator.control.ledger().keys.filter(({ state }) => state !== 'deleted')).toHaveLength(1);
});

test('the search finds a planted secret in every place, and fails the test whose machine has one', {
  timeout: 60_000,
}, async () => {
  // What a program prints is what is searched: this command is there to print a secret.
  const printed = await runKeyturn(stack, ['secret', 'get', 'leaky']);
  expect(findLeaks(outputOf({ ...printed, args: ['status'] }), stack.secrets)).not.toEqual([]);
  const left = join(stack.folder, 'left.txt');
  await writeFile(left, String(keySecrets()[0]));
  await expect(expectNoLeak(here())).rejects.toThrow(/left\.txt/);
  await rm(left);

  const canary = keyPrefix + randomBytes(32).toString('hex');
  await plant(canary);
  const leaks = findLeaks(await everywhere(here(), temporal), [canary]);
  const whereIs = (what: string) => leaks.filter((leak) => leak.what === what).map(({ place }) => placeName(place));
  const files = places
    .map(({ name }) => name)
    .filter((name) => !/^(keyturn |rotation-policy\/|simulator log)/.test(name) && !isPassing(name));
  const expected = [
    'canary history',
    'canary history, payloads',
    'canary history, decrypted',
    'canary description',
    'canary description, payloads',
    'encrypted-canary history, decrypted',
    'keyturn planted, stderr',
    'keyturn planted, stdout',
    'simulator log',
  ];
  for (const what of ['secret 0', 'the prefix of a key']) {
    expect([...new Set(whereIs(what))].sort()).toEqual([...expected, ...files].sort());
  }
  expect(files.map((file) => basename(file)).sort()).toEqual([
    'keyring.json',
    'leaky.yaml',
    'simulator.json',
    'temporal.db',
    'temporal.log',
    'vault.db',
    'worker.log',
  ]);
});

test('no secret, and nothing that begins like one, is anywhere else than sealed in the vault', () => {
  expect(findLeaks(places, stack.secrets)).toEqual([]);
  expect(places.length).toBeGreaterThan(20);
});

test('of what a policy says and why a step failed, Temporal keeps nothing in clear', () => {
  const said = ['leaky-key', 'OpenRouter may or may not have made the key'];
  const inClear = places.filter(({ name }) => /history$|description$|temporal\.db/.test(name));
  const decrypted = places.filter(({ name }) => name.endsWith('history, decrypted'));
  const saying = (where: Place[], words: string) => where.filter(({ bytes }) => Buffer.from(bytes).includes(words));
  for (const words of said) {
    expect(saying(inClear, words).map(({ name }) => name)).toEqual([]);
    expect(saying(decrypted, words).length).toBeGreaterThan(0);
  }
});

/** Somebody changes the stored value: the rotation has to put back what the store held, and to remove its key. */
async function tamper({ at, step }: Moment): Promise<void> {
  if (!tampering || at !== 'before' || step !== 'verifySecret') return;
  const db = new DatabaseSync(stack.paths.vaultFile, { timeout: 5_000 });
  const newest = '(SELECT max(version) FROM secret_version)';
  db.prepare(`UPDATE secret_version SET sealed = ? WHERE version = ${newest}`).run('kt1.changed');
  db.close();
}

async function keyturn(args: string[], stdin = ''): Promise<void> {
  await runKeyturn(stack, args, stdin);
}

const here = (): Searched => ({ ...stack, at: { address: stack.temporal.address } });

const keySecrets = () => stack.secrets.filter((secret) => secret !== stack.simulator.managementKey);

const placeName = (name: string) => name.replace(/ \(.*\)/, '');

/** What comes and goes with a transaction or a lock. */
const isPassing = (name: string) => /-journal$|\.lock$/.test(name);

/** Puts it where each place gets its bytes from. Answers a command that is meant to print a secret. */
async function plant(canary: string): Promise<void> {
  const { paths, folder, runs, requests } = stack;
  const planted = { taskQueue: 'nobody polls this', args: [{ canary }], memo: { canary } };
  await new Client({ connection: temporal.connection }).workflow.start('canary', { ...planted, workflowId: 'canary' });
  await temporal.client.workflow.start('canary', { ...planted, workflowId: 'encrypted-canary' });
  const db = new DatabaseSync(paths.vaultFile);
  db.prepare('UPDATE secret_version SET rotation = ?').run(canary);
  db.close();
  runs.push({ args: ['planted'], code: 0, stdout: canary, stderr: canary });
  requests.push({ ...(requests[0] as LogLine), path: canary });
  for (const { name } of await machineFiles(stack)) {
    const file = join(folder, name);
    const isDatabase = file === paths.vaultFile || file === paths.temporalDbFile;
    if (!isDatabase && !isPassing(name)) await appendFile(file, `\n${canary}\n`);
  }
}
