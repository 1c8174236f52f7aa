import { request } from 'undici';
import { expect, test } from 'vitest';
import { fault } from '../../errors/keyturn-error.ts';
import type { Store } from '../../stores/store.ts';
import { hour, secretIn } from '../policy/life/states.ts';
import { existingKeys, keysEverMade, secretName } from './agreement.ts';
import { oneWorld } from './one-world.ts';
import type { World } from './own-world.ts';
import { endOfRotation, eventually, issueFirstKey, policyNamed, statusWhen } from './rotation.ts';
import { isDown, secondStoreName } from './second-store.ts';

const timeout = 90_000;

let world: World;
oneWorld((here) => {
  ({ world } = here);
});

const inBoth = (name: string, graceMs: number) =>
  policyNamed(name, {
    graceMs,
    quarantineMs: 500,
    secret: secretIn(secretName(name), 'local', secondStoreName),
  });

/** Readers of both stores, over and over; what they have read is tried until `stop`, which answers what was refused. */
function startReaders(policy: string) {
  const kept = new Set<string>();
  const refused: string[] = [];
  let isOver = false;
  const read = async ({ read: ask }: Pick<Store, 'read'>) => {
    const held = await ask({ name: secretName(policy), field: null }, policy).catch(() => null);
    if (held?.kind === 'held') kept.add(held.value.reveal());
  };
  const reading = eventually(async () => {
    await Promise.all([world.vault.store, world.second.store].map(read));
    for (const secret of kept) {
      const headers = { authorization: `Bearer ${secret}` };
      const { statusCode, body } = await request(`${world.simulator.url}/key`, { headers });
      await body.dump();
      if (statusCode !== 200) refused.push(`${statusCode} for ${world.simulator.control.whoIs(secret)}`);
    }
    return isOver;
  });
  return {
    /** Readers come at any time: who needs one in a short moment holds that moment until it was there. */
    haveRead: (secrets: number) => eventually(async () => kept.size >= secrets),
    stop: async () => {
      isOver = true;
      await reading;
      return { refused, secrets: kept.size };
    },
  };
}

test('a second store that is down costs patience, no key, and no reader', { timeout }, async () => {
  await issueFirstKey(world.keyturn, inBoth('patient', hour));
  const readers = startReaders('patient');
  world.second.failure = isDown;
  world.second.failures = 0;
  const { rotationId } = await world.keyturn.rotate('patient', { reason: 'the second store is down' });
  // The first one shows the new key by then; five tries take a quarter of a minute.
  await eventually(async () => world.second.failures >= 5);
  await readers.haveRead(2);
  const { running } = await world.keyturn.status('patient');
  expect(running?.steps.at(-1)?.note).toMatch(/is tried again: Store "second" cannot be used right now/);
  world.second.failure = null;
  expect(await endOfRotation(world.keyturn, 'patient', rotationId)).toMatchObject({ event: 'published', attempt: 1 });
  expect(await readers.stop()).toEqual({ refused: [], secrets: 2 });
  expect(keysEverMade(world, 'patient')).toHaveLength(2);
});

test('a key that the first store has shown before the second refused it works on for a grace', {
  timeout,
}, async () => {
  await issueFirstKey(world.keyturn, inBoth('withdrawn', 6_000));
  const readers = startReaders('withdrawn');
  await readers.haveRead(1);
  world.onMoment = async ({ policy, step, at }) => {
    if (policy === 'withdrawn' && step === 'verifySecret' && at === 'after') {
      world.second.failure = fault('KEYTURN_SECRET_OWNED', secretName(policy), secondStoreName, 'somebody');
      await readers.haveRead(2);
    }
  };
  const { rotationId } = await world.keyturn.rotate('withdrawn', { reason: 'to be undone' });
  // The store that refuses cannot be restored either: that is tried until it can.
  await statusWhen(world.keyturn, 'withdrawn', ({ running, attention }) => running === null || attention.length > 0);
  world.onMoment = async () => {};
  world.second.failure = null;
  expect((await endOfRotation(world.keyturn, 'withdrawn', rotationId)).event).toBe('undone');
  const undone = await world.keyturn.status('withdrawn');
  const key = undone.keys.find(({ withdrawn }) => withdrawn);
  expect(key).toMatchObject({ generation: 2, state: 'in grace' });
  expect(undone.state).toBe('needs-attention');
  expect(await readers.stop()).toMatchObject({ refused: [], secrets: 2 });
  await eventually(async () => !existingKeys(world, 'withdrawn').some(({ hash }) => hash === key?.hash));
});
