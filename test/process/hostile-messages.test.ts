import type { WorkflowHandle } from '@temporalio/client';
import { describe, expect, test } from 'vitest';
import { workflowId } from '../../workflows/messages.ts';
import { hour, minute } from '../policy/life/states.ts';
import { oneWorld } from './one-world.ts';
import type { shareTemporal, World } from './own-world.ts';
import { failedTasks, historyLength, rawClients } from './raw-client.ts';
import { endOfRotation, eventually, issueFirstKey, policyNamed, statusWhen } from './rotation.ts';

// Nothing that arrives, from any client or by hand, freezes, empties or ends a policy (I8).

const timeout = 120_000;

/** After so many events of a run Temporal suggests a new one; by default it is 4,096. */
const mostEvents = 200;
/** Enough for several new runs. KEYTURN_TEST_FLOOD=10000 sends as many as Temporal takes in one run by default. */
const floodLength = Number(process.env.KEYTURN_TEST_FLOOD ?? 400);

let world: World;
let raw: Awaited<ReturnType<typeof rawClients>>;
let shared: Awaited<ReturnType<typeof shareTemporal>>;
oneWorld(
  (here) => {
    ({ world, raw, shared } = here);
  },
  { 'limit.historyCount.suggestContinueAsNew': mostEvents },
);

const megabyte = 'x'.repeat(1_000_000);

/** What none of the messages takes; no input at all is an empty list. */
const junk: readonly (readonly unknown[])[] = [
  [7],
  [[]],
  ['text'],
  [true],
  [[{}]],
  [{ mode: 'dettach', reason: 5, endGrace: 'yes', requestId: {} }],
  [{ version: 99, name: 'x', reason: [] }],
];

/** Signals whose input is a policy's, which `resume` and `refresh` do not read. */
const signals = ['rotateNow', 'pause', 'noSuchSignal', '__temporal_signal', '__stack_trace', 'y'.repeat(900)];
const updates = ['rotate', 'endPolicy', 'applyPolicy', 'noSuchUpdate', '__temporal_update', '__stack_trace'];
const queries = ['status', 'history', 'next', 'noSuchQuery', '__temporal_query'];

/** Sends everything that is not understood; answers how many updates and queries were refused. */
async function sendJunk(name: string): Promise<number> {
  const refused: unknown[] = [];
  const refusal = (error: unknown) => refused.push(error);
  for (const client of [raw.sealed, raw.plain]) {
    const handle = client.workflow.getHandle(workflowId(name));
    for (const input of junk) {
      for (const signal of signals) await handle.signal(signal, ...input);
      await Promise.all(updates.map((update) => send(handle, update, input).catch(refusal)));
    }
    for (const update of ['endPolicy', 'applyPolicy']) {
      await handle.executeUpdate(update, { args: [] }).catch(refusal);
      await handle.executeUpdate(update, { args: [null] }).catch(refusal);
    }
    await handle.signal('noSuchSignal');
    for (const query of queries) await handle.query<unknown, [string]>(query, 'what').catch(refusal);
  }
  // Once: a client takes up to 4 MB of a history at a time.
  const handle = raw.sealed.workflow.getHandle(workflowId(name));
  await handle.signal('rotateNow', { requestId: megabyte, reason: 7 });
  await handle.executeUpdate('endPolicy', { args: [{ mode: megabyte }] }).catch(refusal);
  return refused.length;
}

function send(handle: WorkflowHandle, update: string, args: readonly unknown[]): Promise<unknown> {
  return handle.executeUpdate(update, { args: args as [] });
}

async function rotatesStill(name: string): Promise<void> {
  const { rotationId } = await world.keyturn.rotate(name, { reason: 'still there?', endGrace: true });
  expect((await endOfRotation(world.keyturn, name, rotationId)).event).toBe('published');
  expect(await failedTasks(raw.sealed, name)).toEqual([]);
}

describe('what is not understood changes nothing', { timeout }, () => {
  test('asleep and paused', async () => {
    await issueFirstKey(world.keyturn, policyNamed('asleep'));
    const before = await world.keyturn.status('asleep');
    await sendJunk('asleep');
    const after = await world.keyturn.status('asleep');
    expect(after).toMatchObject({ state: 'sleeping', paused: null, keys: before.keys, policy: before.policy });
    expect(after.dropped.map(({ message }) => message).sort()).toEqual([
      '__stack_trace',
      '_temporal_signal',
      'noSuchSignal',
      'pause',
      'rotateNow',
      'y'.repeat(60),
    ]);
    await world.keyturn.pause('asleep', { reason: 'audit' });
    await sendJunk('asleep');
    expect(await world.keyturn.status('asleep')).toMatchObject({ state: 'paused', paused: { reason: 'audit' } });
    await rotatesStill('asleep');
    expect((await world.keyturn.status('asleep')).keys[0]?.generation).toBe(2);
  });

  test('while a rotation is under way', async () => {
    await issueFirstKey(world.keyturn, policyNamed('rotating'));
    const held = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    world.onMoment = async ({ at, step, policy }) => {
      if (policy !== 'rotating' || at !== 'after' || step !== 'verifyKey') return;
      reached.resolve();
      await held.promise;
    };
    const { rotationId } = await world.keyturn.rotate('rotating', { reason: 'hold', endGrace: true });
    await reached.promise;
    await sendJunk('rotating');
    expect((await world.keyturn.status('rotating')).state).toBe('rotating');
    world.onMoment = async () => {};
    held.resolve();
    expect((await endOfRotation(world.keyturn, 'rotating', rotationId)).event).toBe('published');
    await rotatesStill('rotating');
  });

  test('while the policy is being deleted', async () => {
    await issueFirstKey(world.keyturn, policyNamed('ending', { graceMs: hour }));
    await world.keyturn.delete('ending', 'retire');
    await sendJunk('ending');
    expect((await world.keyturn.status('ending')).state).toBe('ending');
    expect(await failedTasks(raw.sealed, 'ending')).toEqual([]);
  });
});

test('a rotation asked for without an input, as by a click in the Web UI, is one each time', { timeout }, async () => {
  await issueFirstKey(world.keyturn, policyNamed('clicked', { graceMs: 0 }));
  const handle = raw.plain.workflow.getHandle(workflowId('clicked'));
  for (const [generation, input] of [
    [2, []],
    [3, [{}]],
    [4, [{}]],
    [5, [null]],
  ] as const) {
    await handle.signal('rotateNow', ...input);
    await statusWhen(world.keyturn, 'clicked', ({ keys, running }) => keys[0]?.generation === generation && !running);
  }
  expect(await failedTasks(raw.sealed, 'clicked')).toEqual([]);
});

test('payloads that cannot be decrypted or decoded freeze nothing', { timeout }, async () => {
  await issueFirstKey(world.keyturn, policyNamed('sealed'));
  const stranger = await shared.newWorld();
  const foreign = await rawClients({ ...stranger, keyturn: world.keyturn });
  const { workflowService } = raw.plain;
  const broken = (encoding: string, data: string) => ({
    metadata: { encoding: Buffer.from(encoding) },
    data: Buffer.from(data),
  });
  for (const payload of [
    broken('json/plain', '{no json'),
    broken('foo', '{}'),
    broken('json/plain', ''),
    { data: Buffer.from('x') },
  ]) {
    for (const signalName of ['rotateNow', 'pause', 'refresh']) {
      const workflowExecution = { workflowId: workflowId('sealed') };
      const input = { payloads: [payload] };
      await workflowService.signalWorkflowExecution({ namespace: 'default', workflowExecution, signalName, input });
    }
  }
  await foreign.sealed.workflow.getHandle(workflowId('sealed')).signal('rotateNow', { requestId: 'a', reason: 'b' });
  const { dropped, keys } = await statusWhen(world.keyturn, 'sealed', (status) => status.dropped.length > 1);
  expect(dropped[0]?.why).toContain('cannot be decrypted or decoded');
  expect(keys).toHaveLength(1);
  await rotatesStill('sealed');
  await foreign.close();
  await stranger.close();
});

describe('messages that change nothing, thousands of times', { timeout }, () => {
  test('lead to a fresh run and push no rotation out of what is known', async () => {
    const { keyturn } = world;
    await issueFirstKey(keyturn, policyNamed('flooded'));
    const { last } = await keyturn.status('flooded');
    const policy = policyNamed('flooded');
    for (let times = 0; times < 30; times++) expect((await keyturn.applyRead(policy)).changed).toEqual([]);
    const applied = (await keyturn.history('flooded')).filter(({ event }) => event === 'applied');
    expect(applied).toHaveLength(1);
    await keyturn.pause('flooded', { reason: 'once' });
    const handle = raw.sealed.workflow.getHandle(workflowId('flooded'));
    await inBatches(floodLength, (n) => {
      if (n % 3 === 0) return handle.signal('pause', { reason: 'again' });
      return n % 3 === 1 ? handle.signal('rotateNow', 5) : handle.signal('noSuchSignal', { n });
    });
    for (let times = 0; times < 15; times++) await handle.signal('pause', { reason: 'y'.repeat(250_000) });
    await eventually(async () => (await historyLength(raw.sealed, 'flooded')) < mostEvents);
    const status = await keyturn.status('flooded');
    expect(status).toMatchObject({ state: 'paused', paused: { reason: 'once' }, last });
    expect(status.dropped).toHaveLength(2);
    await rotatesStill('flooded');
  });

  test('do not end a policy whose every reason is far too long', async () => {
    await issueFirstKey(world.keyturn, policyNamed('wordy', { graceMs: 0 }));
    const handle = raw.sealed.workflow.getHandle(workflowId('wordy'));
    for (let times = 0; times < 15; times++) {
      await handle.signal('pause', { reason: 'y'.repeat(250_000) });
      await handle.signal('resume');
    }
    await handle.signal('rotateNow', { requestId: 'long', reason: 'z'.repeat(250_000) });
    const { last } = await statusWhen(
      world.keyturn,
      'wordy',
      ({ keys, running }) => keys[0]?.generation === 2 && !running,
    );
    expect(last?.reason).toMatchObject({ text: expect.stringMatching(/^z{499}…$/) });
    expect(JSON.stringify(await world.keyturn.history('wordy')).length).toBeLessThan(40_000);
    await rotatesStill('wordy');
  });

  test('of megabytes while a rotation is under way have it undone and tried again in a new run', async () => {
    await issueFirstKey(world.keyturn, policyNamed('heavy', { graceMs: 0 }));
    const held = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    world.onMoment = async ({ at, step, policy }) => {
      if (policy !== 'heavy' || at !== 'after' || step !== 'verifyKey') return;
      reached.resolve();
      await held.promise;
    };
    const { rotationId } = await world.keyturn.rotate('heavy', { reason: 'hold' });
    await reached.promise;
    const handle = raw.sealed.workflow.getHandle(workflowId('heavy'));
    // More than 20 MB in all, each below the 2 MB that Temporal takes.
    for (let n = 0; n < 12; n++) {
      await handle.signal('noSuchSignal', 'x'.repeat(1_900_000));
      // Answered when it was heard: Temporal fails a workflow task itself to make room for more than 2 MB that wait for it.
      await world.keyturn.status('heavy');
    }
    world.onMoment = async () => {};
    held.resolve();
    const stopped = { event: 'undone', fault: { code: 'KEYTURN_ROTATION_STOPPED' } };
    expect(await endOfRotation(world.keyturn, 'heavy', rotationId)).toMatchObject(stopped);
    await rotatesStill('heavy');
    expect((await world.keyturn.status('heavy')).keys[0]?.generation).toBe(2);
  });

  test('the same request id for an hour is one rotation', async () => {
    await issueFirstKey(world.keyturn, policyNamed('repeated', { graceMs: minute }));
    const handle = raw.sealed.workflow.getHandle(workflowId('repeated'));
    await inBatches(floodLength / 2, () =>
      handle.signal('rotateNow', { requestId: 'same', reason: 'again', endGrace: true }),
    );
    await statusWhen(world.keyturn, 'repeated', ({ keys, running }) => keys[0]?.generation === 2 && !running);
    await inBatches(floodLength / 2, () =>
      handle.signal('rotateNow', { requestId: 'same', reason: 'again', endGrace: true }),
    );
    await eventually(async () => (await historyLength(raw.sealed, 'repeated')) < mostEvents);
    expect((await world.keyturn.status('repeated')).keys[0]?.generation).toBe(2);
    await rotatesStill('repeated');
  });
});

test('a policy made by hand that is not right is refused with each field that is wrong', { timeout }, async () => {
  await issueFirstKey(world.keyturn, policyNamed('declared'));
  const { graceMs: _, ...without } = policyNamed('declared');
  const handle = raw.sealed.workflow.getHandle(workflowId('declared'));
  const refused = async (policy: unknown) => {
    const error = await handle.executeUpdate('applyPolicy', { args: [policy, {}] }).catch((thrown: Error) => thrown);
    return (error as Error).cause instanceof Error ? ((error as Error).cause as Error).message : String(error);
  };
  expect(await refused(without)).toMatch(/grace {2}is empty/);
  expect(await refused({ ...without, graceMs: 'long' })).toMatch(/grace/);
  expect(await refused({ ...without, graceMs: 1_000, surprise: 1 })).toMatch(/surprise/);
  expect(await refused({ ...without, graceMs: 1_000, version: 99 })).toMatch(/version 99/);
  const { version: __, ...older } = { ...without, graceMs: 5_000 };
  expect(await handle.executeUpdate('applyPolicy', { args: [older, {}] })).toMatchObject({ changed: ['graceMs'] });
  await rotatesStill('declared');
});

async function inBatches(times: number, send: (n: number) => Promise<unknown>): Promise<void> {
  for (let n = 0; n < times; n += 50) await Promise.all(Array.from({ length: 50 }, (_, i) => send(n + i)));
}
