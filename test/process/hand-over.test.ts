import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PolicyInput } from '../../client/policy-input.ts';
import type { Stack } from './stack.ts';
import { startStackWithWorker } from './stack-with-worker.ts';

// What comes at the same moment as something else, a policy's going over to its next run above all. Whether it is the
// bad moment is chance: so there are many. That each history replays is looked at when the stack stops.

const policies = (what: string) => Array.from({ length: 20 }, (_, index) => `${what}-${index}`);

/** Twenty policies at once, on machines of two cores. */
const timeout = 90_000;

let stack: Stack;
beforeAll(async () => {
  stack = await startStackWithWorker();
});
afterAll(() => stack.close());

/** Resolves with the state that the rotation ended in, the moment that a client can know it. */
async function ended(policy: string, rotationId: string | null): Promise<string | undefined> {
  let event: string | undefined;
  for await (const progress of stack.keyturn.waitFor(policy, String(rotationId))) {
    if (progress.state === 'ended') event = progress.record.event;
  }
  return event;
}

function policy(name: string, connection = 'main'): PolicyInput {
  return {
    name,
    connection,
    schedule: { every: 30, at: '03:30', timeZone: 'Europe/Berlin' },
    key: { name },
    secret: { name: `${name.toUpperCase().replaceAll('-', '_')}_KEY` },
  };
}

async function firstKey(name: string): Promise<void> {
  const { rotationId } = await stack.keyturn.apply(policy(name));
  expect(await ended(name, rotationId)).toBe('published');
}

test('a pause that comes while policies go over to their next run stops each of them', { timeout }, async () => {
  const paused = policies('paused');
  await Promise.all(
    paused.map(async (name) => {
      await firstKey(name);
      await stack.keyturn.pause(name, { reason: 'release week' });
      await stack.keyturn.status(name);
    }),
  );
  // By now each has long been in its next run.
  const states = await Promise.all(paused.map(async (name) => (await stack.keyturn.status(name)).state));
  expect(states).toEqual(paused.map(() => 'paused'));
});

test('a policy that is right is not lost beside one of its name that is refused at the same moment', {
  timeout,
}, async () => {
  const wanted = policies('contested');
  await Promise.all(
    wanted.map(async (name) => {
      // Fixed: where the right one came first.
      const code = expect.stringMatching(/^KEYTURN_(CONNECTION_UNKNOWN|POLICY_FIXED)$/);
      const refused = expect(stack.keyturn.apply(policy(name, 'unknown'))).rejects.toMatchObject({ code });
      await Promise.all([refused, firstKey(name)]);
    }),
  );
  const listed = await Promise.all(wanted.map(async (name) => (await stack.keyturn.status(name)).state));
  expect(listed).toEqual(wanted.map(() => 'sleeping'));
});

test('a request that comes while policies go over to their next run is carried out by each', { timeout }, async () => {
  const asked = policies('asked');
  await Promise.all(
    asked.map(async (name) => {
      await firstKey(name);
      await stack.keyturn.rotateNow(name, { reason: 'leaked' });
      await stack.keyturn.status(name);
    }),
  );
  const newest = () => Promise.all(asked.map(async (name) => (await stack.keyturn.status(name)).keys[0]?.generation));
  await expect.poll(newest, { timeout: 30_000 }).toEqual(asked.map(() => 2));
});

test('changes, requests and pauses that come at once are each taken, whichever comes first', { timeout }, async () => {
  const names = policies('crowded');
  const { keyturn } = stack;
  const schedule = { every: 7, at: '04:00', timeZone: 'UTC' };
  await Promise.all(
    names.map(async (name) => {
      await firstKey(name);
      const [ticket] = await Promise.all([
        keyturn.rotate(name, { reason: 'leaked' }),
        keyturn.apply({ ...policy(name), schedule }),
        keyturn.apply({ ...policy(name), schedule }),
        keyturn.pause(name, { reason: 'release week' }),
        keyturn.status(name),
        keyturn.refresh(name),
      ]);
      expect(await ended(name, ticket.rotationId)).toBe('published');
    }),
  );
  const states = await Promise.all(names.map((name) => keyturn.status(name)));
  const taken = { state: 'paused', policy: expect.objectContaining({ schedule }) };
  expect(states).toEqual(names.map(() => expect.objectContaining(taken)));
  expect(states.map(({ keys }) => keys[0]?.generation)).toEqual(names.map(() => 2));
});
