import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { Secret } from '../../secrets/secret.ts';
import { type LogLine, type Simulator, startSimulator } from '../../simulator/index.ts';
import { endOfRotation, policyNamed } from './rotation.ts';
import { type Stack, startStack } from './stack.ts';
import { startWorker, type WorkerProcess } from './worker-process.ts';

// Two workers of one Temporal, and two accounts: what leaves both workers is in the log of each account's simulator.

const perSecond = 4;
let stack: Stack;
let other: { simulator: Simulator; requests: LogLine[] };
let workers: WorkerProcess[];

beforeAll(async () => {
  stack = await startStack(inject('temporalCli'));
  const requests: LogLine[] = [];
  const { secrets } = stack;
  const simulator = await startSimulator({ log: (line) => requests.push(line), issued: (one) => secrets.push(one) });
  secrets.push(simulator.managementKey);
  other = { simulator, requests };
  await connect('main', stack.simulator);
  await connect('other', simulator);
  workers = [startWorker(stack), startWorker(stack)];
  await Promise.all(workers.map(({ ready }) => ready));
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.kill('SIGTERM')));
  await stack.close();
  await other.simulator.close();
});

test('Retry-After on one request: none of that connection leaves any worker before, those of another go on', {
  timeout: 90_000,
}, async () => {
  const pauseMs = 5_000;
  const { control } = stack.simulator;
  control.injections.add({ on: 'createKey', when: 'before', kind: 'status', status: 429, retryAfter: 5, skip: 3 });
  const begun = Date.now();
  const rotations = [...(await applySome('main', 8)), ...(await applySome('other', 8))];
  for (const { name, rotationId } of rotations) {
    expect((await endOfRotation(stack.keyturn, name, rotationId)).event, name).toBe('published');
  }
  const tookMs = Date.now() - begun;

  const refused = stack.requests.find(({ status }) => status === 429);
  const from = Date.parse(String(refused?.at));
  // What was on its way when the answer came could not know; a busy machine takes its time to hand that on.
  const within = ({ at }: LogLine) => Date.parse(at) > from + 500 && Date.parse(at) < from + pauseMs;
  expect(stack.requests.filter(within)).toEqual([]);
  expect(managing(other.requests.filter(within)).length).toBeGreaterThan(5);
  // Eight keys are made, read and named, and one create was refused: at the pace of one connection, not of two workers.
  expect(managing(stack.requests)).toHaveLength(8 * 3 + 1);
  expect(tookMs).toBeGreaterThan(pauseMs + ((8 * 3) / perSecond - 2) * 1_000);
});

test('a policy whose connection is gone fails and says so, instead of waiting for a turn that never comes', {
  timeout: 60_000,
}, async () => {
  await Promise.all(workers.map((worker) => worker.kill('SIGTERM')));
  await stack.connections.remove('other');
  workers = [startWorker(stack)];
  await workers[0]?.ready;
  const { rotationId } = await stack.keyturn.rotate('other-0', { reason: 'its connection is gone' });
  const { event, fault } = await endOfRotation(stack.keyturn, 'other-0', rotationId);
  expect({ event, code: fault?.code }).toEqual({ event: 'undone', code: 'KEYTURN_CONNECTION_UNKNOWN' });
});

async function connect(name: string, { url, managementKey }: Simulator): Promise<void> {
  await stack.connections.add(name, {
    managementKey: new Secret(managementKey),
    baseUrl: url,
    requestsPerSecond: perSecond,
    replace: true,
  });
}

async function applySome(connection: string, howMany: number) {
  const names = Array.from({ length: howMany }, (_, n) => `${connection}-${n}`);
  return Promise.all(
    names.map(async (name) => {
      const { rotationId } = await stack.keyturn.applyRead(policyNamed(name, { connection, graceMs: 0 }));
      return { name, rotationId: String(rotationId) };
    }),
  );
}

/** Those with the management key. */
function managing(lines: readonly LogLine[]): LogLine[] {
  return lines.filter(({ operation }) => operation !== 'currentKey');
}
