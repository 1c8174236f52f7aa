import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PolicyInput } from '../../client/policy-input.ts';
import type { Stack } from '../process/stack.ts';
import { startStackWithWorker } from '../process/stack-with-worker.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStackWithWorker();
});
afterAll(() => stack.close());

/** Nothing of it happens by itself while a test runs. */
function input(name: string, changes: Partial<PolicyInput> = {}): PolicyInput {
  return {
    name,
    connection: 'main',
    schedule: { every: 30, at: '03:30', timeZone: 'Europe/Berlin' },
    key: { name: `${name}-key` },
    secret: { name: `${name.toUpperCase().replaceAll('-', '_')}_KEY` },
    ...changes,
  };
}

/** The states that a rotation went through until its end. */
async function followed(policy: string, rotationId: string | null) {
  const states = [];
  for await (const progress of stack.keyturn.waitFor(policy, String(rotationId))) states.push(progress);
  return states;
}

async function applied(policy: PolicyInput): Promise<void> {
  const { rotationId } = await stack.keyturn.apply(policy);
  await followed(policy.name, rotationId);
}

describe.concurrent('apply', () => {
  test('a new policy gets its first key, whose steps are seen to its end', async ({ expect }) => {
    const answer = await stack.keyturn.apply(input('first'));
    expect(answer).toMatchObject({ created: true, changed: [] });

    const states = await followed('first', answer.rotationId);
    const end = states.at(-1);
    expect(end).toMatchObject({ state: 'ended', record: { event: 'published', generation: 1 } });
    expect(end?.steps.map(({ step }) => step)).toEqual(expect.arrayContaining(['createKey', 'storeSecret']));
  });

  test('the same policy twice changes nothing; a change is named as in the file', async ({ expect }) => {
    await applied(input('again'));
    expect(await stack.keyturn.apply(input('again'))).toEqual({
      created: false,
      changed: [],
      rotationId: null,
      liveKeys: [],
      warnings: [],
    });
    const changed = input('again', { grace: '48h', schedule: { every: 7, at: '03:30', timeZone: 'Europe/Berlin' } });
    expect(await stack.keyturn.apply(changed)).toEqual({
      created: false,
      changed: ['grace', 'schedule.every'],
      rotationId: null,
      liveKeys: [],
      warnings: [],
    });
  });

  test('two applies at the same moment make one policy', async ({ expect }) => {
    const answers = await Promise.all([stack.keyturn.apply(input('twins')), stack.keyturn.apply(input('twins'))]);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
  });

  test('a wrong policy is refused with the field that is wrong, before anything is asked', async ({ expect }) => {
    const wrong = input('wrong', { schedule: { every: 0, at: '24:00', timeZone: 'Europe/Berlin' } });
    await expect(stack.keyturn.apply(wrong)).rejects.toMatchObject({
      code: 'KEYTURN_POLICY_INVALID',
      message: expect.stringMatching(/schedule\.every .*\n.*schedule\.at/),
    });
  });

  test('what the worker refuses comes back with its own code and remedy, and leaves no policy behind', async ({
    expect,
  }) => {
    await expect(stack.keyturn.apply(input('stray', { connection: 'nobody' }))).rejects.toMatchObject({
      name: 'KeyturnError',
      code: 'KEYTURN_CONNECTION_UNKNOWN',
      message: expect.stringContaining('main'),
      remedy: expect.stringContaining('keyturn connection add'),
    });
    await expect
      .poll(() => stack.keyturn.list(), { timeout: 10_000 })
      .not.toContainEqual(expect.objectContaining({ name: 'stray' }));
  });

  test('what the workflow refuses comes back with its own code', async ({ expect }) => {
    await applied(input('fixed'));
    await expect(stack.keyturn.apply(input('fixed', { connection: 'other' }))).rejects.toMatchObject({
      code: 'KEYTURN_POLICY_FIXED',
    });
  });
});

describe('rotate', () => {
  test('the same request id twice is one rotation', async () => {
    await applied(input('once', { grace: '0s' }));
    const request = { reason: 'twice', requestId: 'request-1' };
    const first = await stack.keyturn.rotate('once', request);
    await followed('once', first.rotationId);
    const second = await stack.keyturn.rotate('once', request);
    expect(second.rotationId).toBe(first.rotationId);
    expect((await stack.keyturn.status('once')).keys[0]?.generation).toBe(2);
  });

  test('one that must wait for a former key says so, and its grace can be ended', async () => {
    await applied(input('waiting'));
    await followed('waiting', (await stack.keyturn.rotate('waiting', { reason: 'second' })).rotationId);
    const held = await stack.keyturn.rotate('waiting', { reason: 'third' });
    expect(held.waitsUntil).not.toBeNull();
    for await (const progress of stack.keyturn.waitFor('waiting', held.rotationId)) {
      expect(progress).toMatchObject({ state: 'waiting', because: 'the end of the grace of key #1' });
      break;
    }
    const { rotationId } = await stack.keyturn.rotate('waiting', { reason: 'now', endGrace: true });
    expect(rotationId).toBe(held.rotationId);
    expect((await followed('waiting', rotationId)).at(-1)).toMatchObject({
      record: { event: 'published', generation: 3 },
    });
  });

  test('a request without an answer rotates too', async () => {
    await applied(input('signalled', { grace: '0s' }));
    await stack.keyturn.rotateNow('signalled', { reason: 'signal' });
    await expect
      .poll(async () => (await stack.keyturn.status('signalled')).keys[0]?.generation, { timeout: 20_000 })
      .toBe(2);
  });

  test('a rotation that is undone ends with the fault and the next attempt', async () => {
    await applied(input('undone', { grace: '0s' }));
    const refused = stack.simulator.control.injections.add({
      on: 'createKey',
      when: 'before',
      kind: 'status',
      status: 400,
    });
    const { rotationId } = await stack.keyturn.rotate('undone', { reason: 'refused' });
    const end = (await followed('undone', rotationId)).at(-1);
    refused.remove();
    expect(end).toMatchObject({
      state: 'ended',
      record: {
        event: 'undone',
        fault: { code: 'KEYTURN_OPENROUTER_REFUSED' },
        nextAttemptAt: expect.stringMatching(/Z$/),
      },
    });
    expect(await stack.keyturn.status('undone')).toMatchObject({ state: 'needs-attention', keys: [{ generation: 1 }] });
  });

  test('an unknown rotation is named, not waited for', async () => {
    await applied(input('known'));
    await expect(followed('known', 'r000000000000')).rejects.toMatchObject({ code: 'KEYTURN_ROTATION_UNKNOWN' });
  });
});

describe.concurrent('what is asked of a policy', () => {
  test('pause stops the next scheduled run and says why there is none; resume brings it back', async ({ expect }) => {
    await applied(input('paused'));
    await stack.keyturn.pause('paused', { reason: 'release week' });
    expect(await stack.keyturn.status('paused')).toMatchObject({ state: 'paused', paused: { reason: 'release week' } });
    const next = () => stack.keyturn.next('paused', 3);
    await expect.poll(next, { timeout: 10_000 }).toEqual({ runs: [], because: 'it is paused' });
    await stack.keyturn.resume('paused');
    const times = async () => (await next()).runs.map(({ local }) => local.slice(11, 16));
    await expect.poll(times, { timeout: 10_000 }).toEqual(['03:30', '03:30', '03:30']);
  });

  test('history tells what happened, oldest first', async ({ expect }) => {
    await applied(input('told'));
    const events = (await stack.keyturn.history('told')).map(({ event }) => event);
    expect(events).toEqual(['applied', 'published']);
  });

  test('list shows each policy with its state and next rotation', async ({ expect }) => {
    await applied(input('listed'));
    await expect
      .poll(() => stack.keyturn.list(), { timeout: 10_000 })
      .toContainEqual({
        name: 'listed',
        state: 'sleeping',
        connection: 'main',
        nextRotation: expect.stringMatching(/Z$/),
        lastOutcome: 'published',
      });
  });

  test('a policy that was deleted is unknown, to questions and to requests', async ({ expect }) => {
    await applied(input('gone'));
    await stack.keyturn.delete('gone', 'destroy');
    const unknown = { code: 'KEYTURN_POLICY_UNKNOWN' };
    // Not by `list`: between two runs of a policy Temporal's visibility may miss it for a moment.
    await expect
      .poll(() => stack.keyturn.status('gone').catch((error: unknown) => error), { timeout: 20_000 })
      .toMatchObject(unknown);
    await expect(stack.keyturn.pause('gone')).rejects.toMatchObject(unknown);
    await expect(stack.keyturn.rotate('gone', { reason: 'late' })).rejects.toMatchObject(unknown);
    const left = stack.simulator.control.ledger().keys.filter(({ names }) => names.at(-1)?.name === 'gone-key');
    expect(left.map(({ state }) => state)).toEqual(['deleted']);
  });

  test('an unknown policy is refused with the names that are nearest', async ({ expect }) => {
    await applied(input('neighbour'));
    await expect(stack.keyturn.status('neighbor')).rejects.toMatchObject({
      code: 'KEYTURN_POLICY_UNKNOWN',
      message: expect.stringContaining('Did you mean neighbour?'),
    });
  });
});
