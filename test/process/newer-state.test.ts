import '../quiet-runtime.ts';
import type { Payload } from '@temporalio/common';
import { NativeConnection, type Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectTemporal, type Temporal } from '../../client/temporal.ts';
import { payloadCodec } from '../../codec/payload-codec.ts';
import type { DevServer } from '../../engine/dev-server.ts';
import { newPolicyState, type PolicyState } from '../../policy/life/state.ts';
import * as after from '../../policy/life/transitions.ts';
import { startConnectionWorkers } from '../../worker/connection-workers.ts';
import { createWorker } from '../../worker/create-worker.ts';
import { type WorkflowBundle, workflowBundle } from '../../worker/workflow-bundle.ts';
import * as messages from '../../workflows/messages.ts';
import { aPolicy, published, rotated } from '../policy/life/states.ts';
import { type Machine, newMachine, startTemporal } from './machine.ts';
import { toolsOf } from './own-world.ts';

const newer = 99;
/** After so many events of a run Temporal suggests a new one; by default it is 4,096. */
const mostEvents = 60;

let machine: Machine;
let server: DevServer;
let native: NativeConnection;
let temporal: Temporal;
let bundle: WorkflowBundle;
/** The code of today, as if it were a later release: one that knows the number. */
let newerBundle: WorkflowBundle;

beforeAll(async () => {
  machine = await newMachine();
  const dynamicConfig = { 'limit.historyCount.suggestContinueAsNew': mostEvents };
  server = await startTemporal(machine, inject('temporalCli'), { dynamicConfig });
  const { address } = server;
  native = await NativeConnection.connect({ address });
  temporal = await connectTemporal({ env: {}, address, keyring: machine.keyring });
  bundle = await workflowBundle();
  const code = bundle.code.replace(/(const stateVersion = )\d+/, `$1${newer}`);
  expect(code).not.toBe(bundle.code);
  newerBundle = { ...bundle, code };
});

afterAll(async () => {
  await temporal?.connection.close();
  await native?.close();
  await server?.close();
  await machine?.remove();
});

test('a state of a newer number waits: visible, refusing, and passed on byte by byte', async () => {
  const state = { version: newer, name: 'x', anything: 1, nested: [{ ä: '😀', nothing: null }] };
  const handle = await start('x', state);
  await withWorker(bundle, async () => {
    await until(async () => (await handle.query(messages.status)).attention.length > 0);
    expect(await handle.query(messages.status)).toMatchObject({
      name: 'x',
      state: 'needs-attention',
      attention: [{ code: 'KEYTURN_POLICY_NEWER' }],
      keys: [],
    });
    expect(await handle.query(messages.history)).toEqual([]);
    expect(await handle.query(messages.next)).toEqual({ schedule: null, next: null });
    await expect(handle.executeUpdate('rotate', { args: [{}] })).rejects.toMatchObject(refusal);
    await expect(handle.executeUpdate('endPolicy', { args: [{ mode: 'destroy' }] })).rejects.toMatchObject(refusal);
    await expect(handle.executeUpdate('applyPolicy', { args: [aPolicy(), {}] })).rejects.toMatchObject(refusal);
    for (let n = 0; n < 3; n++) {
      await handle.signal(messages.refresh);
      await until(async () => (await runsOf('x')).length >= n + 3);
    }
    await until(async () => (await handle.query(messages.status)).state === 'needs-attention');
    const before = (await runsOf('x')).length;
    await Promise.all(Array.from({ length: mostEvents }, () => handle.signal('noSuchSignal')));
    await until(async () => (await runsOf('x')).length > before);
  });
  const passedOn = await statesOf('x');
  expect(passedOn.length).toBeGreaterThanOrEqual(5);
  expect(new Set(passedOn)).toEqual(new Set([JSON.stringify(state)]));
  await handle.terminate();
});

test('a worker that knows the number takes it over in the middle of the wait, with every message that came', async () => {
  const state = { ...asleep('y'), version: newer };
  const handle = await start('y', state);
  await withWorker(bundle, async () => {
    await until(async () => (await handle.query(messages.status)).attention.length > 0);
    await handle.signal(messages.pause, { reason: 'while it waits' });
    // The pause crosses to another run before anybody can read it.
    await handle.signal(messages.refresh);
    await until(async () => (await runsOf('y')).length >= 3);
    await until(async () => (await handle.query(messages.status)).attention.length > 0);
  });
  // In the middle of a run that an older worker began to wait in.
  await withWorker(newerBundle, async () => {
    await handle.signal(messages.refresh);
    await until(async () => (await handle.query(messages.status)).state === 'paused');
    expect(await handle.query(messages.status)).toMatchObject({
      paused: { reason: 'while it waits' },
      keys: [{ generation: 1 }],
      attention: [],
    });
    await handle.signal(messages.resume);
    await until(async () => (await handle.query(messages.status)).next !== null);
    expect((await handle.query(messages.status)).state).toBe('sleeping');
  });
  await handle.terminate();
});

test('a worker that knows the number takes it over when the wait is over, also what was sent while nobody ran', async () => {
  const handle = await start('z', { ...asleep('z'), version: newer });
  await withWorker(bundle, async () => {
    await until(async () => (await handle.query(messages.status)).attention.length > 0);
  });
  await handle.signal(messages.pause, { reason: 'nobody runs' });
  await handle.cancel();
  await withWorker(newerBundle, async () => {
    await handle.signal(messages.refresh);
    // Cancelled: detached, and what it leaves is its result.
    await expect(handle.result()).resolves.toMatchObject({ policy: 'z', keys: [{ hash: 'hash-1' }] });
  });
});

const refusal = { cause: { type: 'KEYTURN_POLICY_NEWER' } };

/** A policy with one key, as it is passed on; what its future shape has besides, nobody here knows. */
function asleep(name: string): PolicyState {
  const policy = aPolicy({ name });
  const now = new Date().toISOString();
  const applied = after.afterApply(newPolicyState(name), policy, now, 'r1');
  return rotated(applied, published('r1', 1, { kind: 'first' }, now), now);
}

function start(name: string, state: unknown) {
  const { taskQueue, workflowType } = messages;
  const workflowId = messages.workflowId(name);
  return temporal.client.workflow.start(workflowType, { workflowId, taskQueue, args: [state] });
}

async function withWorker(workflows: WorkflowBundle, work: () => Promise<void>): Promise<void> {
  const tools = await toolsOf(machine);
  const { namespace } = temporal;
  const ours = { connection: native, namespace, tools };
  const worker: Worker = await createWorker({ ...ours, bundle: workflows });
  const ofConnections = startConnectionWorkers({ ...ours, ...tools, log: { warn: console.error } });
  try {
    await worker.runUntil(work);
  } finally {
    await ofConnections.close();
  }
  for (const name of ['x', 'y', 'z']) expect(await failuresOf(name)).toEqual([]);
}

function runsOf(name: string) {
  const query = `WorkflowId = "${messages.workflowId(name)}"`;
  return Array.fromAsync(temporal.client.workflow.list({ query }));
}

async function eventsOf(name: string) {
  const runs = await runsOf(name);
  const histories = runs.map(({ workflowId, runId }) => {
    return temporal.client.workflow.getHandle(workflowId, runId).fetchHistory();
  });
  return (await Promise.all(histories)).flatMap(({ events }) => events ?? []);
}

/** But for a task that came to its end just as a message came in: the server has such a one done again. */
async function failuresOf(name: string): Promise<string[]> {
  const events = await eventsOf(name);
  const messages = events.flatMap(({ workflowTaskFailedEventAttributes: failed }) => failed?.failure?.message ?? []);
  return messages.filter((message) => message !== 'UnhandledCommand');
}

/** The state that each run was given, and that each passed on, as text. */
async function statesOf(name: string): Promise<string[]> {
  const codec = payloadCodec(machine.keyring, temporal.namespace);
  const inputs = (await eventsOf(name)).flatMap((event) => {
    const { workflowExecutionStartedEventAttributes: started } = event;
    const { workflowExecutionContinuedAsNewEventAttributes: passedOn } = event;
    return (started ?? passedOn)?.input?.payloads?.slice(0, 1) ?? [];
  });
  const plain = await codec.decode(inputs as Payload[]);
  return plain.map(({ data }) => Buffer.from(data ?? []).toString());
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((again) => setTimeout(again, 200));
}
