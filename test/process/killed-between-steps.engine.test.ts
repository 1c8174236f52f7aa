import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { StepName } from '../../workflows/saga/step-table.ts';
import { existingKeys, keysEverMade } from './agreement.ts';
import { answerTo, describeOnFiveStores, expectAllAgree, issueFirstKeys } from './five-stores.ts';
import { type Readers, startReaders } from './readers.ts';
import { endOfRotation, eventually, statusWhen } from './rotation.ts';
import type { Moment } from './step-hook.ts';
import { startHookedWorker, startWorker, type WorkerProcess } from './worker-process.ts';

/** Where one policy's worker dies. Each policy waits at its own point, so one SIGKILL meets them all. */
type KillPoint = { policy: string; step: StepName; at: Moment['at']; store: string | null; isUndone: boolean };

const stores = ['infisical', 'aws', 'bao', 'k8s', 'env-file'];
/** Before a step: between two. After one that changes something: that it has is not known to Temporal. */
const killPoints: KillPoint[] = [
  ...points('createKey', null),
  ...points('verifyKey', null),
  ...stores.flatMap((store) => [
    ...points('captureSecret', store),
    ...points('storeSecret', store),
    ...points('verifySecret', store),
  ]),
  ...points('renameKey', null),
  ...points('disableKey', null),
  ...points('deleteKey', null),
  // In the undo of a rotation that the last place has refused.
  ...stores.slice(0, -1).flatMap((store) => points('restoreSecret', store)),
];

function points(step: StepName, store: string | null): KillPoint[] {
  const changesNothing = ['verifyKey', 'captureSecret', 'verifySecret'].includes(step);
  return (changesNothing ? (['before'] as const) : (['before', 'after'] as const)).map((at) => {
    const policy = [at, step.toLowerCase(), ...(store ? [store] : [])].join('-');
    return { policy, step, at, store, isUndone: step === 'restoreSecret' };
  });
}

/** Once the grace is over, or the time in which a lost write may arrive. */
const comesLate = ({ step }: KillPoint) => ['restoreSecret', 'disableKey', 'deleteKey'].includes(step);

const graceMs = 30_000;
/** Readers that keep a key for less than the grace never hold a dead one (I9). */
const reading = { keepMs: 15_000, everyMs: 5_000 };
const patience = { timeout: 400_000, interval: 500 };

await describeOnFiveStores('a worker that is killed between any two steps over five places', (five) => {
  const onTheirWay = new Set(killPoints.map(({ policy }) => policy));
  const underWay = new Set<string>();
  const rotations = new Map<string, string>();
  const former = new Map<string, unknown[]>();
  const readers = new Map<string, Readers>();
  let second: WorkerProcess;

  const whole = (policy: string) => Promise.all(five.places.map((place) => place.all(policy)));

  async function pauseAtKillPoint({ at, step, store, policy }: Moment): Promise<void> {
    const point = killPoints.find((one) => one.policy === policy);
    if (point === undefined || !underWay.has(policy)) return;
    if (point.isUndone && at === 'before' && step === 'captureSecret' && store === 'env-file') {
      await five.envFile.breaks(policy);
    }
    if (point.at !== at || point.step !== step || point.store !== store) return;
    onTheirWay.delete(policy);
    await new Promise(() => {});
  }

  beforeAll(async () => {
    const { stack } = five;
    const worker = startHookedWorker(stack, pauseAtKillPoint);
    await worker.ready;
    const changes = { graceMs, quarantineMs: 0 };
    await issueFirstKeys(five, await Promise.all(killPoints.map(({ policy }) => five.policy(policy, changes))));
    for (const { policy } of killPoints) former.set(policy, await whole(policy));
    for (const { policy } of killPoints) readers.set(policy, startReaders(five, policy, reading));
    // A step that waits for long is given up and done again, but a create, which is in doubt then: those come last.
    for (const wave of [killPoints.filter(comesLate), killPoints.filter((point) => !comesLate(point))]) {
      for (const { policy } of wave) {
        underWay.add(policy);
        const { rotationId } = await stack.keyturn.rotate(policy, { reason: 'the worker dies in it' });
        rotations.set(policy, rotationId);
      }
      const waited = wave.map(({ policy }) => policy);
      await vi.waitFor(() => expect(waited.filter((policy) => onTheirWay.has(policy))).toEqual([]), patience);
    }
    await worker.kill('SIGKILL');
    second = startWorker(stack);
    await second.ready;
  }, 900_000);
  afterAll(async () => void (await second?.kill('SIGTERM')));

  test.for(killPoints)('SIGKILL $at $step $store ends in agreement', { timeout: 300_000 }, async (point) => {
    const { stack, places, envFile } = five;
    const { policy, step, at, isUndone } = point;
    const record = await endOfRotation(stack.keyturn, policy, String(rotations.get(policy)));
    expect(record.event).toBe(isUndone ? 'undone' : 'published');
    if (isUndone) await statusWhen(stack.keyturn, policy, ({ owed }) => owed.every(({ duty }) => duty === 'rotate'));
    if (isUndone) await envFile.mends(policy);
    for (const place of places) expect(await answerTo(stack, String(await place.keyIn(policy))), place.store).toBe(200);
    await expectAllAgree(five, policy);
    if (isUndone) expect(await whole(policy)).toEqual(former.get(policy));
    expect((await stack.keyturn.status(policy)).keys[0]?.generation).toBe(isUndone ? 1 : 2);
    // A create is sent again only where its answer was lost; the key of the lost one is gone.
    const lost = step === 'createKey' && at === 'after' ? 1 : 0;
    expect(keysEverMade(stack, policy)).toHaveLength(2 + lost);
    await eventually(async () => existingKeys(stack, policy).length === 1);
    expect((await readers.get(policy)?.stop())?.refused).toEqual([]);
  });
});
