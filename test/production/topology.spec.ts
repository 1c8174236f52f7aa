import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporal as proto } from '@temporalio/proto';
import { request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type Keyturn } from '../../client/keyturn.ts';
import type { Environment, Temporal } from '../../client/temporal.ts';
import { openKeyring } from '../../keyring/keyring-source.ts';
import { type Simulator, startSimulator } from '../../simulator/index.ts';
import { expectAgreement, keysEverMade } from '../process/agreement.ts';
import { type Machine, newMachine } from '../process/machine.ts';
import { endOfRotation, policyNamed, statusWhen } from '../process/rotation.ts';
import { findLeaks, keyPrefix } from '../process/secret-scan.ts';
import { openVaultByOwner } from '../stores/by-owner.ts';
import { adminTools, composed, runJob } from './composed.ts';
import { type InstalledKeyturn, installKeyturn, type WorkerProcess } from './installed-keyturn.ts';
import { watchMemory } from './memory.ts';
import { type Postgres, startPostgres } from './postgres.ts';
import { say } from './say.ts';
import { launchTemporal, planTemporal, type TemporalPlan, type TemporalProcess, untilServing } from './temporal.ts';

// The topology of docker-compose.yml without containers: PostgreSQL, Temporal's real server, two Keyturn workers as an
// image would have them, a client; every connection to Temporal by mutual TLS.

const PayloadMessage = proto.api.common.v1.Payload;
const databases = ['temporal', 'temporal_visibility'];
/** Of docs/deploy.md. */
const vaultBackup =
  'const { DatabaseSync } = require("node:sqlite");' +
  'new DatabaseSync(process.env.VAULT, { readOnly: true }).prepare("VACUUM INTO ?").run(process.env.INTO)';
const policies = ['checkout', 'search', 'billing', 'support'];
/** `temporal.api.enums.v1.PendingActivityState`: a worker has it. */
const started = 2;

const onExit: (() => unknown)[] = [];
let machine: Machine;
let keyturnProgram: InstalledKeyturn;
let postgres: Postgres;
let simulator: Simulator;
let plan: TemporalPlan;
let server: TemporalProcess;
/** Of a worker and of a client. */
let env: Environment;
let secrets: string;
let toolsFolder: string;
let temporal: Temporal;
let keyturn: Keyturn;
let workers: WorkerProcess[] = [];
let memory: ReturnType<typeof watchMemory>;

beforeAll(async () => {
  say('building Keyturn and installing it without its development tools');
  keyturnProgram = cleanedUp(await installKeyturn(), 'remove');
  machine = cleanedUp(await newMachine(), 'remove');
  const { folder, paths, keyring } = machine;

  secrets = makeSecrets(join(folder, 'secrets'));
  toolsFolder = await adminTools(folder);
  const path = `${toolsFolder}:${process.env.PATH}`;

  say('PostgreSQL: a cluster of its own');
  postgres = cleanedUp(await startPostgres({ user: 'temporal', password: await secret('postgres-password') }), 'close');
  const database = { PATH: path, SQL_HOST: '127.0.0.1', SQL_PORT: String(postgres.port) };
  await runJob('schema', secrets, database);
  expect(await runJob('schema', secrets, database), 'the job may run again').toContain('found zero updates');
  say('both databases have their schema');

  plan = await planTemporal(postgres, { secrets, logFile: join(paths.logsDir, 'temporal.log') });
  server = launchTemporal(plan);
  onExit.push(() => server.kill('SIGTERM'));
  const tls = { ...composed('worker', secrets).environment, TEMPORAL_ADDRESS: plan.address };
  env = { ...machine.env, ...tls, KEYTURN_CONFIG: join(folder, 'keyturn.yaml') };
  temporal = await untilServing(plan, server, { env, keyring });
  onExit.push(() => temporal.connection.close());
  say(`Temporal's server serves on ${plan.address}, with mutual TLS`);
  for (const _ of ['once', 'again']) {
    await runJob('namespace', secrets, { PATH: path, HOME: folder, TEMPORAL_ADDRESS: plan.address });
  }
  // The first Keyturn of all: there is no keyring yet.
  say((await keyturnProgram.run(['setup'], { ...env, XDG_DATA_HOME: join(folder, 'nothing yet') })).trim());

  simulator = cleanedUp(await startSimulator(), 'close');
  const managementKey = join(folder, 'openrouter-management-key');
  await writeFile(managementKey, simulator.managementKey, { mode: 0o600 });
  await writeFile(
    join(folder, 'keyturn.yaml'),
    `connections:\n  main: { file: ${managementKey}, baseUrl: "${simulator.url}" }\n`,
  );
  workers = await Promise.all([newWorker('a'), newWorker('b')]);
  onExit.push(() => Promise.all(workers.map((worker) => worker.kill('SIGTERM'))));
  memory = watchMemory({
    postgres: () => [postgres.pid],
    temporal: () => [server.pid],
    workers: () => workers.map(({ pid }) => pid),
  });

  keyturn = await connect({ env, keyring });
  onExit.push(() => keyturn.close());
  const applied = await Promise.all(policies.map((name) => keyturn.applyRead(plainPolicy(name))));
  for (const [at, { rotationId }] of applied.entries()) await expectPublished(policies[at], String(rotationId));
  say(`first keys of ${policies.join(', ')} published`);
});

afterAll(async () => {
  if (memory) say(`peak memory in MB: ${JSON.stringify(memory.peaksMb())}`);
  for (const clean of onExit.reverse()) await clean();
  say('everything stopped and removed');
});

test('Temporal refuses who has no certificate of its clients’ authority', async () => {
  const foreign = makeSecrets(join(machine.folder, 'foreign'));
  const { TEMPORAL_TLS_CLIENT_CERT_PATH: _, TEMPORAL_TLS_CLIENT_KEY_PATH: __, ...withoutCertificate } = env;
  const { TEMPORAL_TLS_SERVER_CA_CERT_PATH, TEMPORAL_NAMESPACE: namespace } = env;
  const theirs = { ...env, ...composed('worker', foreign).environment, TEMPORAL_ADDRESS: plan.address };
  for (const [who, itsEnv] of Object.entries({
    'no certificate': withoutCertificate,
    'a certificate of somebody else': { ...theirs, TEMPORAL_TLS_SERVER_CA_CERT_PATH },
    'no TLS at all': { ...machine.env, TEMPORAL_ADDRESS: plan.address, TEMPORAL_NAMESPACE: namespace },
    'another authority for the server': { ...env, TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(foreign, 'cluster-ca.pem') },
  })) {
    const connecting = connect({ env: itsEnv, keyring: machine.keyring, connectTimeoutMs: 2_000 });
    await expect(connecting, who).rejects.toThrow(expect.objectContaining({ code: 'KEYTURN_TEMPORAL_UNREACHABLE' }));
    say(`refused: ${who}`);
  }
  expect(await (await connect({ env, keyring: machine.keyring })).close()).toBeUndefined();
});

test('a worker dies in the middle of a create: the other one ends every rotation', async () => {
  const hanging = simulator.control.injections.add({ on: 'createKey', when: 'after', kind: 'hang' });
  const tickets = await rotateAll('one worker dies');
  await hanging.reached;
  const victim = await workerInTheMiddle();
  say(`SIGKILL to worker ${victim.pid}: OpenRouter has made a key, and its answer is not there yet`);
  await victim.kill('SIGKILL');
  hanging.release();
  workers = workers.filter((worker) => worker !== victim);
  await expectAllPublished(tickets);
  say('every rotation published by the other worker');
  // What `restart: unless-stopped` does.
  workers.push(await newWorker('c'));
});

test('Temporal dies in the middle of every rotation: all end when it is back', async () => {
  const hanging = simulator.control.injections.add({
    on: 'createKey',
    when: 'after',
    kind: 'hang',
    times: policies.length,
  });
  const tickets = await rotateAll('Temporal dies');
  await hanging.reachedTimes(policies.length);
  say(`SIGKILL to Temporal, with ${policies.length} rotations in the middle of a create`);
  await server.kill('SIGKILL');
  hanging.release();
  server = launchTemporal(plan);
  await (await untilServing(plan, server, { env, keyring: machine.keyring })).connection.close();
  say('Temporal serves again');
  // The workers have to notice; until then a client is told that there is none.
  const answers = () => Promise.all(policies.map((policy) => keyturn.status(policy))).then(Boolean, () => false);
  await expect.poll(answers, { timeout: 60_000 }).toBe(true);
  await expectAllPublished(tickets);
  say('every rotation published');
});

test('both workers stop on SIGTERM within their grace, and new ones go on', async () => {
  const tickets = await rotateAll('a rolling restart');
  const ends = await Promise.all(workers.map((worker) => worker.kill('SIGTERM')));
  expect(ends).toEqual(['exit code 0', 'exit code 0']);
  workers = await Promise.all([newWorker('d'), newWorker('e')]);
  await expectAllPublished(tickets);
  say('every rotation published after a rolling restart');
});

test('the codec server shows a policy to who has its token, and to nobody else', async () => {
  const { environment } = composed('codec-server', secrets);
  const logFile = join(machine.paths.logsDir, 'codec-server.log');
  const codecServer = await keyturnProgram.startCodecServer({ ...machine.env, ...environment }, logFile);
  try {
    const { history } = await temporal.connection.workflowService.getWorkflowExecutionHistory({
      namespace: temporal.namespace,
      execution: { workflowId: 'rotation-policy/checkout' },
    });
    const [payload] = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    const body = JSON.stringify({
      payloads: [PayloadMessage.toObject(PayloadMessage.fromObject(payload ?? {}), { bytes: String })],
    });
    const decode = async (token?: string) => {
      const headers = { 'content-type': 'application/json', 'x-namespace': temporal.namespace };
      const answer = await fetch(`${codecServer.url}/decode`, {
        method: 'POST',
        headers: token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` },
        body,
      });
      const { payloads } = (await answer.json()) as { payloads?: { data: string }[] };
      return { status: answer.status, text: Buffer.from(payloads?.[0]?.data ?? '', 'base64').toString() };
    };
    const [operator] = JSON.parse(await secret('codec-tokens.json')).tokens;
    const shown = await decode(operator.token);
    expect(shown).toEqual({ status: 200, text: expect.stringContaining('Europe/Berlin') });
    expect(shown.text).not.toContain(keyPrefix);
    for (const token of [undefined, 'x'.repeat(64)]) {
      expect(await decode(token)).toEqual({ status: 401, text: expect.not.stringContaining('Europe/Berlin') });
    }
    say('codec server: readable with its token, ciphertext without');
  } finally {
    await codecServer.close();
  }
});

test('PostgreSQL and the logs hold no key, and no readable policy', { timeout: 120_000 }, async () => {
  const places = await Promise.all([
    ...databases.map(async (name) => ({ name, bytes: postgres.dump(name) })),
    ...['temporal.log', 'worker.log', 'codec-server.log'].map(async (name) => {
      return { name, bytes: await readFile(join(machine.paths.logsDir, name)) };
    }),
  ]);
  const held = await Promise.all(
    policies.map((policy) => machine.vault.read({ policy, name: plainPolicy(policy).secret.name })),
  );
  const keys = held.flatMap((one) => (one.kind === 'held' ? [one.value.reveal()] : []));
  expect(keys).toHaveLength(policies.length);
  expect(findLeaks(places, [...keys, simulator.managementKey])).toEqual([]);

  const [history] = places;
  expect(history?.bytes.includes('rotation-policy/checkout'), 'what is not encrypted is found').toBe(true);
  expect(history?.bytes.includes('binary/encrypted')).toBe(true);
  for (const plain of ['a rolling restart', 'Europe/Berlin', 'limitReset']) {
    expect(history?.bytes.includes(plain), plain).toBe(false);
  }
  say(`${places.map(({ name, bytes }) => `${name} ${Math.round(bytes.length / 1024)} KB`).join(', ')}: no key in them`);
});

test('what docs/deploy.md watches can be asked', async () => {
  const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
  const queries = {
    'KeyturnState = "needs-attention"': 0,
    [`KeyturnNextRotation < "${hourAgo}"`]: 0,
    [`KeyturnNextRotation > "${hourAgo}" AND KeyturnState = "sleeping"`]: policies.length,
    'KeyturnLastOutcome = "published" AND KeyturnConnection = "main"': policies.length,
  };
  for (const [query, count] of Object.entries(queries)) {
    const asked = ['workflow', 'count', '--query', `ExecutionStatus = "Running" AND ${query}`];
    // Visibility follows a moment later.
    await expect.poll(() => temporalCli(asked), { timeout: 30_000, message: query }).toContain(`Total: ${count}`);
  }
  say(`asked with Temporal's command line: ${Object.keys(queries).length} queries`);
});

test('a backup carries on in another place', { timeout: 600_000 }, async () => {
  await Promise.all(workers.map((worker) => worker.kill('SIGTERM')));
  workers = [];
  await keyturn.close();
  await server.kill('SIGTERM');
  const backup = join(machine.folder, 'backup');
  await mkdir(backup);
  for (const database of databases) postgres.backUp(database, join(backup, database));
  const { vaultFile, keyringFile } = machine.paths;
  const into = join(backup, 'vault.db');
  const node = ['-c', 'umask 077; exec "$0" -e "$1"', process.execPath, vaultBackup];
  execFileSync('/bin/sh', node, { env: { ...env, VAULT: vaultFile, INTO: into } });
  await cp(keyringFile, join(backup, 'keyring.json'));
  say('backup of both databases, of the vault and of the keyring');

  const other = await startPostgres({ user: 'temporal', password: await secret('postgres-password') });
  const { paths, env: itsEnv, folder, remove } = await newMachine();
  onExit.push(remove, () => other.close());
  for (const database of databases) other.restore(database, join(backup, database));
  await cp(into, paths.vaultFile);
  await cp(join(backup, 'keyring.json'), paths.keyringFile);
  plan = await planTemporal(other, { secrets, logFile: join(paths.logsDir, 'temporal.log') });
  server = launchTemporal(plan);
  const { XDG_DATA_HOME } = itsEnv;
  env = { ...env, XDG_DATA_HOME, TEMPORAL_ADDRESS: plan.address };
  const keyring = await openKeyring(paths.keyringFile);
  machine = { ...machine, paths, folder, keyring, vault: openVaultByOwner({ file: paths.vaultFile, keyring }) };
  await (await untilServing(plan, server, { env, keyring })).connection.close();
  workers = [await newWorker('f')];
  keyturn = await connect({ env, keyring });
  await expectAllPublished(await rotateAll('after a restore'));
  say('every rotation published in the new place');
});

function plainPolicy(name: string) {
  return policyNamed(name, { graceMs: 0, quarantineMs: 0 });
}

/** As a deployment makes them: for the compose file's `./secrets`. Answers the folder. */
function makeSecrets(folder: string): string {
  const script = fileURLToPath(new URL('../../deploy/make-secrets.sh', import.meta.url));
  execFileSync(script, [folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  return folder;
}

function temporalCli(args: string[]): string {
  const program = join(toolsFolder, 'temporal');
  return execFileSync(program, args, { env: { ...env, HOME: machine.folder }, encoding: 'utf8' });
}

function secret(name: string): Promise<string> {
  return readFile(join(secrets, name), 'utf8');
}

async function newWorker(name: string): Promise<WorkerProcess> {
  const worker = keyturnProgram.startWorker(env, join(machine.paths.logsDir, 'worker.log'));
  const healthPort = await worker.ready;
  const { statusCode } = await request(`http://127.0.0.1:${healthPort}/readyz`);
  expect(statusCode).toBe(200);
  say(`worker ${name} (${worker.pid}) is ready`);
  return worker;
}

type Tickets = Map<string, string>;

async function rotateAll(reason: string): Promise<Tickets> {
  const tickets = await Promise.all(
    policies.map((policy) => keyturn.rotate(policy, { reason, requestId: randomUUID() })),
  );
  say(`rotating ${policies.length} policies: ${reason}`);
  return new Map(tickets.map(({ rotationId }, at) => [String(policies[at]), rotationId]));
}

async function expectPublished(policy: string | undefined, rotationId: string): Promise<void> {
  const { event, fault } = await endOfRotation(keyturn, String(policy), rotationId);
  expect({ policy, event, fault }).toEqual({ policy, event: 'published', fault: null });
}

/** Each published; then one key a policy upstream, the one that status names and the store holds. */
async function expectAllPublished(tickets: Tickets): Promise<void> {
  for (const [policy, rotationId] of tickets) await expectPublished(policy, rotationId);
  for (const policy of policies) {
    await statusWhen(keyturn, policy, ({ keys }) => keys.length === 1);
    await expectAgreement({ keyturn, simulator, vault: machine.vault }, policy);
    expect(keysEverMade({ simulator }, policy).filter(({ state }) => state !== 'deleted')).toHaveLength(1);
  }
}

/** The one that Temporal says has a `createKey` now. */
async function workerInTheMiddle(): Promise<WorkerProcess> {
  for (const policy of policies) {
    const { pendingActivities } = await temporal.connection.workflowService.describeWorkflowExecution({
      namespace: temporal.namespace,
      execution: { workflowId: `rotation-policy/${policy}` },
    });
    const creating = pendingActivities?.find(
      ({ activityType, state }) => activityType?.name === 'createKey' && state === started,
    );
    const worker = workers.find(({ pid }) => creating?.lastWorkerIdentity?.startsWith(`${pid}@`));
    if (worker !== undefined) return worker;
  }
  throw new Error('no worker is in the middle of a create');
}

/** Closed or removed at the end, in reverse order. */
function cleanedUp<Thing extends { [name in How]: () => unknown }, How extends string>(thing: Thing, how: How): Thing {
  onExit.push(() => thing[how]());
  return thing;
}
