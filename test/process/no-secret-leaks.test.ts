import { randomBytes } from 'node:crypto';
import { appendFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectTemporal, type Temporal } from '../../client/temporal.ts';
import { statusWhen } from './rotation.ts';
import { type CommandRun, runKeyturn } from './run-keyturn.ts';
import { type SecretRecorder, startSecretRecorder } from './secret-recorder.ts';
import { filesBelow, findLeaks, jsonPlaces, keyPrefix, type Place, payloadsIn } from './secret-scan.ts';
import { type Stack, startStack } from './stack.ts';
import type { Moment } from './step-hook.ts';
import { startHookedWorker, type WorkerProcess } from './worker-process.ts';

const policy = `
name: leaky
connection: through-recorder
schedule: { every: 30, at: "03:30", timeZone: Europe/Berlin }
key: { name: leaky-key, limit: 5, limitReset: monthly }
secret: { name: LEAKY, stores: [local] }
grace: 0s
quarantine: 0s
`;

let stack: Stack;
let recorder: SecretRecorder;
let worker: WorkerProcess;
let temporal: Temporal;
let tampering = false;
/** What each command printed, and how it ended. */
const runs: CommandRun[] = [];
/** Everything there is to search, as it was before anything was planted. */
let places: Place[];

beforeAll(async () => {
  stack = await startStack(inject('temporalCli'));
  const { simulator } = stack;
  recorder = await startSecretRecorder(simulator.url);
  temporal = await connectTemporal({ env: {}, address: stack.temporal.address, keyring: stack.keyring });
  // The most that a worker ever says.
  worker = startHookedWorker({ ...stack, env: { ...stack.env, KEYTURN_LOG_LEVEL: 'trace' } }, tamper);
  await worker.ready;
  await writeFile(join(stack.folder, 'leaky.yaml'), policy);

  await keyturn(['connection', 'add', 'through-recorder', '--base-url', recorder.url], simulator.managementKey);
  await keyturn(['apply', '-f', 'leaky.yaml', '--wait']);
  await keyturn(['rotate', 'leaky', '--wait', '--reason', 'all goes well']);
  recorder.spoilNextCreate('lost');
  await keyturn(['rotate', 'leaky', '--wait', '--reason', 'the answer is lost']);
  recorder.spoilNextCreate('cut');
  await keyturn(['rotate', 'leaky', '--wait', '--reason', 'the answer breaks off']);
  // OpenRouter's own words, which are quoted, hold a secret.
  const message = `Bearer ${simulator.managementKey}, that is ${simulator.managementKey}, may not see ${recorder.secrets[0]}`;
  // Of the new key, not of the one before, which is asked for when an old one is to go.
  await statusWhen(stack.keyturn, 'leaky', ({ keys }) => keys.length === 1);
  tampering = true;
  await keyturn(['rotate', 'leaky', '--wait', '--reason', 'the store is changed before it is read back']);
  tampering = false;
  simulator.control.faults.add({ on: 'getKey', when: 'before', kind: 'status', status: 403, message });
  await keyturn(['rotate', 'leaky', '--wait', '--reason', 'the new key is refused']);
  await statusWhen(stack.keyturn, 'leaky', ({ keys }) => keys.length === 1);
  simulator.control.managementKeys.revoke();
  await keyturn(['rotate', 'leaky', '--wait', '--reason', 'the management key is refused']);
  await keyturn(['connection', 'check', 'through-recorder']);
  for (const format of ['text', 'json']) {
    for (const args of [['status', 'leaky'], ['history', 'leaky'], ['list']]) await keyturn([...args, '-o', format]);
  }
  places = await everyPlace();
}, 120_000);

afterAll(async () => {
  await worker.kill('SIGTERM');
  await temporal.connection.close();
  await recorder.close();
  await stack.close();
});

test('every way a secret could take was taken', async () => {
  expect(runs.map(({ args, code }) => [args.at(-1), code])).toEqual([
    [recorder.url, 0],
    ['--wait', 0],
    ['all goes well', 0],
    ['the answer is lost', 0],
    ['the answer breaks off', 0],
    ['the store is changed before it is read back', 1],
    ['the new key is refused', 1],
    ['the management key is refused', 1],
    ['through-recorder', 1],
    ...Array.from({ length: 3 }, () => ['text', 0]),
    ...Array.from({ length: 3 }, () => ['json', 0]),
  ]);
  // First, second, two for each answer that was spoilt, two that were undone.
  expect(recorder.secrets).toHaveLength(8);
  expect(stack.simulator.control.ledger().keys.filter(({ state }) => state !== 'deleted')).toHaveLength(1);
});

test('the search finds a planted secret in every place', { timeout: 60_000 }, async () => {
  const canary = keyPrefix + randomBytes(32).toString('hex');
  const printed = await plant(canary);
  const leaks = findLeaks(await everyPlace(), [canary]);
  const whereIs = (what: string) => leaks.filter((leak) => leak.what === what).map(({ place }) => placeName(place));
  const files = places
    .map(({ name }) => name)
    .filter((name) => !/^(keyturn |rotation-policy\/)/.test(name) && !isPassing(name));
  const expected = [
    'canary history',
    'canary history, payloads',
    'canary history, decrypted',
    'canary description',
    'canary description, payloads',
    'encrypted-canary history, decrypted',
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
  // What a command prints is searched in the same way, and this one is there to print one.
  expect(findLeaks(outputOf(printed), [String(recorder.secrets.at(-3))])).not.toEqual([]);
});

test('no secret, and nothing that begins like one, is anywhere else than sealed in the vault', () => {
  const secrets = [...recorder.secrets, stack.simulator.managementKey];
  expect(findLeaks(places, secrets)).toEqual([]);
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
  runs.push(await runKeyturn(stack, args, stdin));
}

/** Histories and descriptions of all workflows, every file of this machine, all that was printed. */
async function everyPlace(): Promise<Place[]> {
  return [...(await workflowPlaces()), ...(await machineFiles()), ...runs.flatMap(outputOf)];
}

/** But compiled code, which knows what a key looks like. */
async function machineFiles(): Promise<Place[]> {
  return (await filesBelow(stack.folder)).filter(({ name }) => !name.startsWith('cache/'));
}

const placeName = (name: string) => name.replace(/ \(.*\)/, '');

/** What comes and goes with a transaction or a lock. */
const isPassing = (name: string) => /-journal$|\.lock$/.test(name);

function outputOf({ args, stdout, stderr }: CommandRun): Place[] {
  const name = `keyturn ${args.join(' ')}`;
  return [
    { name: `${name}, stdout`, bytes: Buffer.from(stdout) },
    { name: `${name}, stderr`, bytes: Buffer.from(stderr) },
  ];
}

async function workflowPlaces(): Promise<Place[]> {
  const { workflow, options } = temporal.client;
  const decode = async (payload: Payload) => {
    const { payloadCodecs } = options.loadedDataConverter;
    for (const codec of payloadCodecs) [payload] = (await codec.decode([payload])) as [Payload];
    return payload;
  };
  const found: Place[] = [];
  for await (const { workflowId, runId } of workflow.list()) {
    const handle = workflow.getHandle(workflowId, runId);
    const history = await handle.fetchHistory();
    const { raw } = await handle.describe();
    found.push(
      ...jsonPlaces(`${workflowId} (${runId}) history`, JSON.parse(historyToJSON(history))),
      { name: `${workflowId} (${runId}) history, decrypted`, bytes: await payloadsIn(history, decode) },
      ...jsonPlaces(`${workflowId} (${runId}) description`, raw),
    );
  }
  return found;
}

/** Puts it where each place gets its bytes from. Answers a command that is meant to print a secret. */
async function plant(canary: string): Promise<CommandRun> {
  const { paths, folder } = stack;
  const planted = { taskQueue: 'nobody polls this', args: [{ canary }], memo: { canary } };
  await new Client({ connection: temporal.connection }).workflow.start('canary', { ...planted, workflowId: 'canary' });
  await temporal.client.workflow.start('canary', { ...planted, workflowId: 'encrypted-canary' });
  const db = new DatabaseSync(paths.vaultFile);
  db.prepare('UPDATE secret_version SET rotation = ?').run(canary);
  db.close();
  const printed = await runKeyturn(stack, ['secret', 'get', 'leaky']);
  for (const { name } of await machineFiles()) {
    const file = join(folder, name);
    const isDatabase = file === paths.vaultFile || file === paths.temporalDbFile;
    if (!isDatabase && !isPassing(name)) await appendFile(file, `\n${canary}\n`);
  }
  return printed;
}
