import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { connect } from '../../client/keyturn.ts';
import { choosePort } from '../../engine/free-port.ts';
import { Secret } from '../../secrets/secret.ts';
import { startSimulator } from '../../simulator/index.ts';
import { expectAgreement, keysEverMade } from './agreement.ts';
import { newMachine, startTemporal } from './machine.ts';
import { endOfRotation, eventually, issueFirstKey, policyNamed } from './rotation.ts';
import { findLeaks } from './secret-scan.ts';
import { startStack } from './stack.ts';
import { startWorker } from './worker-process.ts';

test('SIGTERM lets the step that runs end: no answer is lost', { timeout: 60_000 }, async () => {
  const stack = await startStack(inject('temporalCli'));
  onTestFinished(() => stack.close());
  const { keyturn, simulator } = stack;
  const first = startWorker(stack);
  await first.ready;
  await issueFirstKey(keyturn, policyNamed('stopped'));
  const posts = () => simulator.control.ledger().posts;

  const slow = simulator.control.injections.add({ on: 'createKey', when: 'after', kind: 'slow', ms: 2_000 });
  const { rotationId } = await keyturn.rotate('stopped', { reason: 'the worker is told to stop in it' });
  await slow.reached;
  // The key is made and its answer on the way.
  expect(posts().at(-1)).toMatchObject({ outcome: 'created', answer: 'pending' });
  expect(await first.kill('SIGTERM')).toBe('exit code 0');
  expect(posts().at(-1)).toMatchObject({ answer: 'delivered' });

  const second = startWorker(stack);
  const record = await endOfRotation(keyturn, 'stopped', rotationId);
  expect(record).toMatchObject({ event: 'published', attempt: 1 });
  expect(posts()).toHaveLength(2);
  expect(keysEverMade(stack, 'stopped')).toHaveLength(2);
  await expectAgreement(stack, 'stopped');
  await second.kill('SIGTERM');
});

test('a worker that is started before Temporal waits for it, says so, then works', { timeout: 60_000 }, async () => {
  const machine = await newMachine();
  onTestFinished(() => machine.remove());
  const simulator = await startSimulator();
  onTestFinished(() => simulator.close());
  await machine.connections.add('main', { managementKey: new Secret(simulator.managementKey), baseUrl: simulator.url });
  const port = await choosePort({ asked: 0, usual: 0, forWhat: 'Temporal' });
  const address = `127.0.0.1:${port}`;

  const worker = startWorker({ ...machine, env: { ...machine.env, TEMPORAL_ADDRESS: address } });
  onTestFinished(async () => void (await worker.kill('SIGTERM')));
  const log = join(machine.paths.logsDir, 'worker.log');
  await eventually(async () => (await readFile(log, 'utf8')).includes('Temporal does not answer; waiting for it'));
  expect(await readFile(log, 'utf8')).toContain(address);

  const temporal = await startTemporal(machine, inject('temporalCli'), { port });
  onTestFinished(() => temporal.close());
  await worker.ready;
  const keyturn = await connect({ env: {}, address, keyring: machine.keyring });
  onTestFinished(() => keyturn.close());
  await issueFirstKey(keyturn, policyNamed('patient'));
  await expectAgreement({ ...machine, simulator, keyturn }, 'patient');
});

test('metrics are told where they are asked for, hold no secret, and a taken port is named', {
  timeout: 60_000,
}, async () => {
  const stack = await startStack(inject('temporalCli'));
  onTestFinished(() => stack.close());
  const port = await choosePort({ asked: 0, usual: 0, forWhat: 'metrics' });
  const env = { ...stack.env, KEYTURN_METRICS_PORT: String(port) };
  const worker = startWorker({ ...stack, env });
  onTestFinished(async () => void (await worker.kill('SIGTERM')));
  await worker.ready;
  await issueFirstKey(stack.keyturn, policyNamed('measured'));

  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(metrics).toMatch(/^temporal_activity_execution_latency_count\{.*activity_type="createKey".*\} 1$/m);
  expect(findLeaks([{ name: 'metrics', bytes: Buffer.from(metrics) }], stack.secrets)).toEqual([]);

  const second = startWorker({ ...stack, env });
  await expect(second.ready).rejects.toThrow(`Port ${port}, wanted for metrics, is in use`);
});

test('a worker that waits for Temporal stops when it is told to', { timeout: 30_000 }, async () => {
  const machine = await newMachine();
  onTestFinished(() => machine.remove());
  const port = await choosePort({ asked: 0, usual: 0, forWhat: 'Temporal' });
  const worker = startWorker({ ...machine, env: { ...machine.env, TEMPORAL_ADDRESS: `127.0.0.1:${port}` } });
  const log = join(machine.paths.logsDir, 'worker.log');
  await eventually(async () => (await readFile(log, 'utf8')).includes('waiting for it'));
  expect(await worker.kill('SIGTERM')).toBe('exit code 0');
});
