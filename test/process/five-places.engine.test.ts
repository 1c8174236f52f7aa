import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { existingKeys } from './agreement.ts';
import { describeOnFiveStores, expectAllAgree, issueFirstKeys } from './five-stores.ts';
import { startReaders } from './readers.ts';
import { endOfRotation, eventually, statusWhen } from './rotation.ts';
import type { OnMoment } from './step-hook.ts';
import { startHookedWorker, type WorkerProcess } from './worker-process.ts';

const timeout = 300_000;
const graceMs = 20_000;
/** Readers that keep a key for less than the grace never hold a dead one (I9). */
const reading = { keepMs: 10_000, everyMs: 20 };

await describeOnFiveStores('one policy with five places', (five) => {
  let worker: WorkerProcess;
  /** What happens around the steps of a policy. */
  const moments = new Map<string, OnMoment>();
  beforeAll(async () => {
    worker = startHookedWorker(five.stack, async (moment) => moments.get(moment.policy)?.(moment));
    await worker.ready;
  });
  afterAll(async () => void (await worker.kill('SIGTERM')));

  const each = <Answer>(ask: (place: (typeof five.places)[number]) => Promise<Answer>) =>
    Promise.all(five.places.map(ask));

  test('each has the new key, what stands beside it is untouched, and no reader is cut off', { timeout }, async () => {
    const { stack, policy } = five;
    const checkout = await policy('checkout', { graceMs, quarantineMs: 0 });
    const beside = await each((place) => place.others('checkout'));
    await issueFirstKeys(five, [checkout]);
    await expectAllAgree(five, 'checkout');
    const readers = startReaders(five, 'checkout', reading);
    onTestFinished(async () => void (await readers.stop()));
    await readers.haveRead(1);
    for (const keys of [2, 3]) {
      const { rotationId } = await stack.keyturn.rotate('checkout', { reason: 'five places' });
      expect(await endOfRotation(stack.keyturn, 'checkout', rotationId)).toMatchObject({ event: 'published' });
      await expectAllAgree(five, 'checkout');
      await readers.haveRead(keys);
    }
    const { stores } = await stack.keyturn.status('checkout');
    expect(stores.map(({ store }) => store)).toEqual(five.places.map(({ store }) => store));
    for (const { version } of stores) expect(version).toEqual(expect.any(String));
    expect(await each((place) => place.others('checkout'))).toEqual(beside);
    await eventually(async () => existingKeys(stack, 'checkout').length === 1);
    expect(await readers.stop()).toEqual({ refused: [], keys: 3 });
    await expectAllAgree(five, 'checkout');
  });

  describe('a fifth place that breaks leaves the first four as they were, and no key behind', () => {
    test.concurrent.for([
      ['before anything is written there', 'captureSecret', 'before'],
      ['right before its write', 'storeSecret', 'before'],
      ['right after its write', 'storeSecret', 'after'],
    ] as const)('%s', { timeout }, async ([, step, at]) => {
      const { stack, envFile } = five;
      const { keyturn } = stack;
      const name = `broken-${at}-${step.toLowerCase()}`;
      await issueFirstKeys(five, [await five.policy(name, { graceMs, quarantineMs: 0 })]);
      const former = await each((place) => place.all(name));
      const readers = startReaders(five, name, reading);
      moments.set(name, async (moment) => {
        if (moment.store !== envFile.store || moment.step !== step || moment.at !== at) return;
        moments.delete(name);
        await readers.haveRead(2);
        await envFile.breaks(name);
      });
      const { rotationId } = await keyturn.rotate(name, { reason: 'to be undone' });
      expect(await endOfRotation(keyturn, name, rotationId)).toMatchObject({ event: 'undone' });
      const others = five.places.filter((place) => place !== envFile);
      expect(await Promise.all(others.map((place) => place.all(name)))).toEqual(former.slice(0, -1));
      expect((await keyturn.status(name)).state).toBe('needs-attention');

      // Of what may have been written there, nothing can be put back before somebody mends it. No rotation comes before.
      await envFile.mends(name);
      await statusWhen(keyturn, name, ({ owed }) => owed.every(({ duty }) => duty !== 'undo'));
      expect(await envFile.all(name)).toEqual(former.at(-1));
      await eventually(async () => existingKeys(stack, name).length === 1);
      await statusWhen(keyturn, name, ({ running }) => running === null);
      await expectAllAgree(five, name);
      expect((await readers.stop()).refused).toEqual([]);
    });
  });
});
