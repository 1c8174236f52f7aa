import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type Keyturn } from '../../client/keyturn.ts';
import { connectTemporal, type Environment } from '../../client/temporal.ts';
import { type Simulator, startSimulator } from '../../simulator/index.ts';
import { startMoto } from '../keyring/moto.ts';
import { existingKeys } from '../process/agreement.ts';
import { endOfRotation, statusWhen } from '../process/rotation.ts';
import { filesBelow, findLeaks } from '../process/secret-scan.ts';
import { type InstalledKeyturn, installKeyturn, type WorkerProcess } from './installed-keyturn.ts';
import { say } from './say.ts';
import { startTemporalOnPostgres } from './temporal-on-postgres.ts';

// Two workers that share no folder: what they need is in AWS Secrets Manager and KMS, for which moto stands in. What people
// do to set it up is what docs/keyring.md and docs/deploy.md say, with AWS's own client in place of its command line.

/** `temporal.api.enums.v1.PendingActivityState`: a worker has it. */
const started = 2;
const policies = ['checkout', 'search'];
const secretName = 'prod/checkout';
const kept = 'of another team';

const onExit: (() => unknown)[] = [];
let folder: string;
let keyturnProgram: InstalledKeyturn;
let simulator: Simulator;
let aws: SecretsManagerClient;
/** Temporal and AWS, as every process finds them. */
let env: Environment;
let keyturn: Keyturn;
let workers: (WorkerProcess & { pod: string })[] = [];
const secrets: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-hostless-'));
  onExit.push(() => rm(folder, { recursive: true, force: true }));
  say('building Keyturn and installing it without its development tools');
  keyturnProgram = await installKeyturn();
  onExit.push(() => keyturnProgram.remove());
  const temporal = await startTemporalOnPostgres(folder, folder);
  onExit.push(() => temporal.close());
  const moto = await startMoto();
  if ('unavailable' in moto) throw new Error(moto.unavailable);
  onExit.push(() => moto.close());
  const { AWS_ENDPOINT_URL_KMS: AWS_ENDPOINT_URL, ...awsEnv } = moto.env;
  Object.assign(process.env, awsEnv, { AWS_ENDPOINT_URL });
  aws = new SecretsManagerClient({});
  onExit.push(() => aws.destroy());
  env = { PATH: process.env.PATH, NO_COLOR: '1', ...temporal.env, ...awsEnv, AWS_ENDPOINT_URL };

  simulator = await startSimulator({ issued: (secret) => secrets.push(secret) });
  secrets.push(simulator.managementKey);
  onExit.push(() => simulator.close());
  const kms = new KMSClient({});
  const TargetKeyId = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId;
  await kms.send(new CreateAliasCommand({ AliasName: 'alias/keyturn', TargetKeyId }));
  kms.destroy();
  await inScratch(['add', '--kms', 'alias/keyturn']);
  const keyring = await readFile(scratch('keyturn', 'keyring.json'), 'utf8');
  expect(Object.values(JSON.parse(keyring).keys), 'no plain key is in it').toEqual([
    { kms: expect.stringMatching(/^arn:/), wrapped: expect.any(String) },
  ]);
  await create('keyturn/keyring', keyring);
  await create('openrouter/management', JSON.stringify({ owner: 'platform', key: simulator.managementKey }));
  await create(secretName, JSON.stringify({ theirs: kept }));

  say((await keyturnProgram.run(['setup'], await pod('setup'))).trim());
  workers = await Promise.all([newWorker('a'), newWorker('b')]);
  onExit.push(() => Promise.all(workers.map((worker) => worker.kill('SIGTERM'))));
  keyturn = await connect({ env: await pod('library') });
  onExit.push(() => keyturn.close());
});

afterAll(async () => {
  for (const clean of onExit.reverse()) await clean();
});

test('policies are applied, and each key arrives in its field of one secret', async () => {
  const itsEnv = await pod('command-line');
  for (const name of policies) {
    const file = join(folder, `${name}.yaml`);
    await writeFile(
      file,
      `
name: ${name}
connection: main
schedule: { every: 30, at: "03:30", timeZone: Europe/Berlin }
key: { name: ${name}-key, limit: 5, limitReset: monthly }
secret: { name: ${name}, stores: [{ store: aws, name: ${secretName}, field: ${name}Key }] }
grace: 0s
quarantine: 0s
`,
    );
    say((await keyturnProgram.run(['apply', '--wait', '-f', file], itsEnv)).trim().split('\n').at(-1) ?? '');
  }
  await expectOneLiveKeyEach();
});

test('one worker is killed in the middle of a rotation: the other one ends it', async () => {
  const hanging = simulator.control.injections.add({ on: 'createKey', when: 'after', kind: 'hang' });
  const tickets = await rotateAll('one worker dies');
  await hanging.reached;
  const victim = await workerInTheMiddle();
  say(`SIGKILL to worker ${victim.pod}: OpenRouter has made a key, and its answer is not there yet`);
  await victim.kill('SIGKILL');
  hanging.release();
  workers = workers.filter((worker) => worker !== victim);
  await expectAllPublished(tickets);
  say('every rotation published by the other worker');
  workers.push(await newWorker('c'));
});

test('a management key that is replaced in the store is read with the next step', async () => {
  await put('openrouter/management', JSON.stringify({ key: `sk-or-v1-${'0'.repeat(64)}` }));
  const checked = keyturnProgram.run(['connection', 'check', 'main'], await pod('command-line'));
  await expect(checked).rejects.toThrow(/not accept|no key/i);
  for (const { policy, rotationId } of await rotateAll('the management key is wrong')) {
    const record = await endOfRotation(keyturn, policy, rotationId);
    expect(record).toMatchObject({ event: 'undone', fault: { code: 'KEYTURN_CONNECTION_REFUSED' } });
  }
  await put('openrouter/management', JSON.stringify({ owner: 'platform', key: simulator.managementKey }));
  await expectAllPublished(await rotateAll('the right management key is back'));
  say('a wrong management key was refused, and the right one read, without a restart');
});

test('a key that is added to the keyring, and active at once, is found by workers that run', async () => {
  const { id } = JSON.parse(await inScratch(['add', '--kms', 'alias/keyturn', '-o', 'json']));
  await inScratch(['activate', id]);
  await put('keyturn/keyring', await readFile(scratch('keyturn', 'keyring.json'), 'utf8'));
  const other = await connect({ env: await pod('other-library') });
  try {
    // Encrypted with the new key, which the workers have not met yet.
    const { rotationId } = await other.rotate('search', { reason: 'with a new key', requestId: randomUUID() });
    expect(await endOfRotation(other, 'search', rotationId)).toMatchObject({ event: 'published' });
  } finally {
    await other.close();
  }
  // The library that has run since before follows as well.
  await statusWhen(keyturn, 'search', ({ keys }) => keys.length === 1);
  await expectOneLiveKeyEach();
});

test('no worker has kept anything, and no log holds a secret', async () => {
  for (const name of await readdir(join(folder, 'pods'))) {
    // What Node has compiled may be lost at any time.
    const files = (await filesBelow(join(folder, 'pods', name))).filter((file) => !file.name.startsWith('cache/'));
    expect(files.map((file) => file.name)).toEqual(['keyturn.yaml']);
  }
  expect(existsSync('/dev/null/none')).toBe(false);
  const logs = await Promise.all(
    ['temporal.log', 'worker-a.log', 'worker-b.log', 'worker-c.log'].map(async (name) => {
      return { name, bytes: await readFile(join(folder, name)) };
    }),
  );
  expect(findLeaks(logs, secrets)).toEqual([]);
});

/** A place of its own, as a pod has one: nothing in it but keyturn.yaml, and no folder in which data could be kept. */
async function pod(name: string): Promise<Environment> {
  const home = join(folder, 'pods', name);
  await mkdir(home, { recursive: true });
  const declared = {
    keyring: { store: 'aws', name: 'keyturn/keyring' },
    connections: { main: { store: 'aws', name: 'openrouter/management', field: 'key', baseUrl: simulator.url } },
    stores: { aws: { kind: 'aws-secrets-manager' } },
  };
  await writeFile(join(home, 'keyturn.yaml'), JSON.stringify(declared));
  return {
    ...env,
    HOME: home,
    XDG_DATA_HOME: '/dev/null/none',
    XDG_CONFIG_HOME: home,
    XDG_STATE_HOME: '/dev/null/none',
    XDG_CACHE_HOME: join(home, 'cache'),
    KEYTURN_CONFIG: join(home, 'keyturn.yaml'),
    KEYTURN_PACE: 'simulator',
    KEYTURN_HEALTH_PORT: '0',
  };
}

async function newWorker(name: string): Promise<WorkerProcess & { pod: string }> {
  const worker = keyturnProgram.startWorker(await pod(name), join(folder, `worker-${name}.log`));
  await worker.ready;
  say(`worker ${name} (${worker.pid}) is ready`);
  return { ...worker, pod: name };
}

function scratch(...path: string[]): string {
  return join(folder, 'scratch', ...path);
}

/** `keyturn keyring …` in a folder of its own, as docs/keyring.md has a declared keyring made and changed. */
async function inScratch(args: string[]): Promise<string> {
  await mkdir(scratch('keyturn'), { recursive: true, mode: 0o700 });
  const { KEYTURN_CONFIG: _, ...rest } = env;
  const itsEnv = { ...rest, HOME: scratch(), XDG_DATA_HOME: scratch(), XDG_CONFIG_HOME: scratch() };
  return keyturnProgram.run(['keyring', ...args], itsEnv);
}

async function create(Name: string, SecretString: string): Promise<void> {
  await aws.send(new CreateSecretCommand({ Name, SecretString }));
}

async function put(SecretId: string, SecretString: string): Promise<void> {
  await aws.send(new PutSecretValueCommand({ SecretId, SecretString }));
}

type Ticket = { policy: string; rotationId: string };

async function rotateAll(reason: string, which = policies): Promise<Ticket[]> {
  return Promise.all(
    which.map(async (policy) => {
      const { rotationId } = await keyturn.rotate(policy, { reason, requestId: randomUUID() });
      return { policy, rotationId };
    }),
  );
}

async function expectAllPublished(tickets: Ticket[]): Promise<void> {
  for (const { policy, rotationId } of tickets) {
    const { event, fault } = await endOfRotation(keyturn, policy, rotationId);
    expect({ policy, event, fault }).toEqual({ policy, event: 'published', fault: null });
  }
  await expectOneLiveKeyEach();
}

/** One key a policy upstream, which is the one that applications read, and it works. */
async function expectOneLiveKeyEach(): Promise<void> {
  for (const policy of policies) {
    const { keys } = await statusWhen(keyturn, policy, (status) => status.keys.length === 1);
    expect(existingKeys({ simulator }, policy).map(({ hash }) => hash)).toEqual(keys.map(({ hash }) => hash));
    // AWS's default, which moto loses sight of when the label is moved.
    const current = { SecretId: secretName, VersionStage: 'AWSCURRENT' };
    const { SecretString } = await aws.send(new GetSecretValueCommand(current));
    const { theirs, [`${policy}Key`]: secret } = JSON.parse(String(SecretString));
    expect(theirs).toBe(kept);
    expect(simulator.control.whoIs(secret)).toBe(keys[0]?.hash);
    const { status } = await fetch(`${simulator.url}/key`, { headers: { authorization: `Bearer ${secret}` } });
    expect(status).toBe(200);
  }
}

/** The one that Temporal says has a `createKey` now. */
async function workerInTheMiddle(): Promise<WorkerProcess & { pod: string }> {
  const { connection, namespace } = await connectTemporal({ env: await pod('library') });
  try {
    for (const policy of policies) {
      const execution = { workflowId: `rotation-policy/${policy}` };
      const { pendingActivities } = await connection.workflowService.describeWorkflowExecution({
        namespace,
        execution,
      });
      const creating = pendingActivities?.find(
        ({ activityType, state }) => activityType?.name === 'createKey' && state === started,
      );
      const worker = workers.find(({ pid }) => creating?.lastWorkerIdentity?.startsWith(`${pid}@`));
      if (worker !== undefined) return worker;
    }
  } finally {
    await connection.close();
  }
  throw new Error('no worker is in the middle of a create');
}
