import { afterAll, beforeAll, expect, test } from 'vitest';
import { existingKeys, keysEverMade } from './agreement.ts';
import { describeOnFiveStores, expectAllAgree } from './five-stores.ts';
import { startReaders } from './readers.ts';
import { endOfRotation, eventually, issueFirstKey, statusWhen } from './rotation.ts';
import type { Moment } from './step-hook.ts';
import { startHookedWorker, type WorkerProcess } from './worker-process.ts';

const timeout = 300_000;
const graceMs = 20_000;
/** Readers that keep a key for less than the grace never hold a dead one (I9). */
const keepMs = 10_000;

await describeOnFiveStores('one policy with five places', (five) => {
  let worker: WorkerProcess;
  let onMoment = async (_: Moment) => {};
  beforeAll(async () => {
    worker = startHookedWorker(five.stack, (moment) => onMoment(moment));
    await worker.ready;
  });
  afterAll(async () => void (await worker.kill('SIGTERM')));

  const each = <Answer>(ask: (place: (typeof five.places)[number]) => Promise<Answer>) =>
    Promise.all(five.places.map(ask));

  test('each has the new key, what stands beside it is untouched, and no reader is cut off', { timeout }, async () => {
    const { stack, policy } = five;
    const checkout = await policy('checkout', { graceMs, quarantineMs: 0 });
    const beside = await each((place) => place.others('checkout'));
    await issueFirstKey(stack.keyturn, checkout);
    await expectAllAgree(five, 'checkout');
    const readers = startReaders(five, 'checkout', keepMs);
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

  test.for([
    ['before anything is written', 'captureSecret', 'before'],
    ['right before its write', 'storeSecret', 'before'],
    ['right after its write', 'storeSecret', 'after'],
  ] as const)('a fifth place that breaks %s leaves the first four as they were', { timeout }, async ([, step, at]) => {
    const { stack, envFile } = five;
    const name = `broken-${at}-${step.toLowerCase()}`;
    await issueFirstKey(stack.keyturn, await five.policy(name, { graceMs, quarantineMs: 0 }));
    const former = await each((place) => place.all(name));
    const readers = startReaders(five, name, keepMs);
    await readers.haveRead(1);
    onMoment = async (moment) => {
      if (moment.policy !== name || moment.store !== envFile.store || moment.step !== step || moment.at !== at) return;
      onMoment = async () => {};
      await readers.haveRead(2);
      await envFile.breaks(name);
    };
    const { rotationId } = await stack.keyturn.rotate(name, { reason: 'to be undone' });
    if (step === 'storeSecret') {
      // What may have been written there cannot be put back either, until somebody mends it.
      await statusWhen(stack.keyturn, name, ({ attention }) => attention.length > 0);
    } else await endOfRotation(stack.keyturn, name, rotationId);
    await envFile.mends(name);
    expect(await endOfRotation(stack.keyturn, name, rotationId)).toMatchObject({ event: 'undone' });
    await statusWhen(stack.keyturn, name, ({ owed }) => owed.every(({ duty }) => duty === 'rotate'));
    expect(await each((place) => place.all(name))).toEqual(former);
    await eventually(async () => existingKeys(stack, name).length === 1);
    expect(await readers.stop()).toEqual({ refused: [], keys: 2 });
    expect(keysEverMade(stack, name)).toHaveLength(2);
    await expectAllAgree(five, name);
  });
});
