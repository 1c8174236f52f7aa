import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connect } from '../../client/keyturn.ts';
import { connectTemporal } from '../../client/temporal.ts';
import { temporalError } from '../../client/temporal-error.ts';
import { type DevServer, startDevServer } from '../../engine/dev-server.ts';
import { freshKeyring } from '../../keyring/keyring.ts';

/** Not the one of whoever runs the tests. */
const keyring = freshKeyring();

let folder: string;
let temporal: DevServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-silence-'));
  const logFile = join(folder, 'temporal.log');
  const executable = inject('temporalCli');
  temporal = await startDevServer({ executable, env: process.env, logFile, port: 0, uiPort: false });
});

afterAll(async () => {
  await temporal.close();
  rmSync(folder, { recursive: true });
});

/** A worker that polls and is killed: Temporal goes on listing it for minutes. */
async function workerThatDied(taskQueue: string): Promise<void> {
  const { connection } = await connectTemporal({ env: {}, keyring, address: temporal.address });
  const queue = { namespace: 'default', taskQueue: { name: taskQueue } };
  const poll = () => connection.workflowService.pollWorkflowTaskQueue({ ...queue, identity: 'killed' });
  const killed = new AbortController();
  const long = () => connection.withDeadline(Date.now() + 60_000, poll);
  const polling = connection.withAbortSignal(killed.signal, long).catch(() => {});
  const listed = () => connection.workflowService.describeTaskQueue({ ...queue, taskQueueType: 1 });
  await expect.poll(async () => (await listed()).pollers.length, { timeout: 10_000 }).toBe(1);
  killed.abort();
  await polling;
  await connection.close();
}

const connectHere = (more = {}) => connect({ env: {}, keyring, address: temporal.address, ...more });

test('a question without any worker is refused at once', async () => {
  const keyturn = await connectHere();
  const asked = Date.now();
  await expect(keyturn.status('demo')).rejects.toMatchObject({ code: 'KEYTURN_NO_WORKER' });
  expect(Date.now() - asked).toBeLessThan(5_000);
  await keyturn.close();
});

test('a question to a worker that was killed ends after the stated time, and says so', async () => {
  const taskQueue = 'killed';
  const { connection, client } = await connectTemporal({ env: {}, keyring, address: temporal.address });
  await workerThatDied(taskQueue);
  await client.workflow.start('rotationPolicy', { workflowId: 'rotation-policy/demo', taskQueue });

  const keyturn = await connectHere({ taskQueue, answerTimeoutMs: 1_000 });
  await expect(keyturn.status('demo')).rejects.toMatchObject({
    code: 'KEYTURN_WORKER_SILENT',
    message: expect.stringContaining('waited 1 s'),
  });
  await expect(keyturn.rotate('demo', { reason: 'x' })).rejects.toMatchObject({ code: 'KEYTURN_WORKER_SILENT' });
  await keyturn.close();
  await connection.close();
});

test("an answer that is late by the server's clock, which cancels the call, is late and no defect", () => {
  const cancelled = Object.assign(new Error('1 CANCELLED: Call cancelled'), { code: 1, details: 'x', metadata: {} });
  const asked = { address: 'temporal:7233', namespace: 'default', waitedMs: 1_000 };
  expect(temporalError(cancelled, asked)).toMatchObject({ code: 'KEYTURN_TEMPORAL_UNREACHABLE' });
});

test('a namespace without the search attributes is named as not set up, before a workflow could stumble over it', async () => {
  const taskQueue = 'not-set-up';
  await workerThatDied(taskQueue);
  const keyturn = await connectHere({ taskQueue });
  const policy = {
    name: 'unset',
    connection: 'main',
    schedule: { every: 1, at: '00:00', timeZone: 'UTC' },
    key: { name: 'unset' },
    secret: { name: 'UNSET' },
  };
  await expect(keyturn.apply(policy)).rejects.toMatchObject({ code: 'KEYTURN_NOT_SET_UP' });
  await keyturn.close();
});

test('a namespace that is not there is named, by questions and by signals', async () => {
  const keyturn = await connectHere({ namespace: 'nowhere' });
  const unknown = { code: 'KEYTURN_NAMESPACE_UNKNOWN', message: expect.stringContaining('nowhere') };
  await expect(keyturn.list()).rejects.toMatchObject(unknown);
  await expect(keyturn.status('demo')).rejects.toMatchObject(unknown);
  await expect(keyturn.pause('demo')).rejects.toMatchObject(unknown);
  await keyturn.close();
});

test('where nothing listens, connecting ends after the stated time', async () => {
  const asked = Date.now();
  await expect(connect({ env: {}, keyring, address: '127.0.0.1:9', connectTimeoutMs: 1_000 })).rejects.toMatchObject({
    code: 'KEYTURN_TEMPORAL_UNREACHABLE',
    message: 'Temporal does not answer at 127.0.0.1:9 (waited 1 s).',
  });
  expect(Date.now() - asked).toBeLessThan(5_000);
});

test('where something listens that never answers, connecting ends too', async () => {
  const mute: Server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => mute.once('listening', resolve));
  const bound = mute.address();
  const port = typeof bound === 'object' ? bound?.port : 0;
  await expect(
    connect({ env: {}, keyring, address: `127.0.0.1:${port}`, connectTimeoutMs: 1_000 }),
  ).rejects.toMatchObject({
    code: 'KEYTURN_TEMPORAL_UNREACHABLE',
  });
  mute.close();
});

test('a configuration that cannot be understood is not quoted: it may hold an API key', async () => {
  const profile = { TEMPORAL_CONFIG_FILE: join(folder, 'missing'), TEMPORAL_TLS_CLIENT_CERT_PATH: '/no/such/cert' };
  await expect(connect({ env: profile, keyring })).rejects.toMatchObject({ code: 'KEYTURN_TEMPORAL_CONFIG' });
});
