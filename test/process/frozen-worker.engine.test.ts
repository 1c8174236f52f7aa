import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { existingKeys } from './agreement.ts';
import { describeOnFiveStores, expectAllAgree, issueFirstKeys } from './five-stores.ts';
import type { Hold } from './places/place-under-test.ts';
import { endOfRotation } from './rotation.ts';
import type { Moment } from './step-hook.ts';
import { startHookedWorker, startWorker, type WorkerProcess } from './worker-process.ts';

/** Where the worker stands still in the rotation of a policy: it has the step, and has not begun; or it has looked. */
type Frozen = { policy: string; store: string; when: 'before its write began' | 'between its look and its write' };

const stores = ['infisical', 'aws', 'bao', 'k8s', 'env-file'];
const frozen: Frozen[] = [
  ...stores.map((store) => ({ policy: `early-${store}`, store, when: 'before its write began' as const })),
  // Of a file, nothing is awaited between the two (stores/files/replace.ts).
  ...stores
    .filter((store) => store !== 'env-file')
    .map((store) => ({ policy: `late-${store}`, store, when: 'between its look and its write' as const })),
];
/** A place after all others. */
const lastOf = (policy: string) => `${policy}/last.env`;
/** Longer than any request of a write may take from when it was begun (stores/promises.ts). */
const stillnessMs = 20_000;
const patience = { timeout: 120_000, interval: 200 };

await describeOnFiveStores('a worker that is frozen in a write, and wakes after the undo', (five) => {
  const underWay = new Set<string>();
  /** Lets the step of a policy begin. */
  const goes = new Map<string, () => void>();
  const former = new Map<string, unknown[]>();
  const undone = new Map<string, string>();
  let [first, second]: WorkerProcess[] = [];

  const whole = (policy: string) => Promise.all(five.places.map((place) => place.all(policy)));

  async function standStill({ at, step, store, policy }: Moment): Promise<void> {
    const isIt = frozen.some((one) => one.policy === policy && one.store === store);
    if (at !== 'before' || step !== 'storeSecret' || !isIt || !underWay.has(policy)) return;
    await new Promise<void>((go) => {
      goes.set(policy, go);
    });
  }

  beforeAll(async () => {
    const { stack, envFile } = five;
    first = startHookedWorker(stack, standStill);
    await first.ready;
    const policies = await Promise.all(
      frozen.map(async ({ policy: name }) => {
        const policy = await five.policy(name, { graceMs: 5_000, quarantineMs: 0 });
        policy.secret.places.push({ store: envFile.store, name: lastOf(name), field: 'KEY', required: true });
        return policy;
      }),
    );
    await issueFirstKeys(five, policies);
    for (const { policy } of frozen) {
      former.set(policy, await whole(policy));
      // What stands there now is no file: it refuses the next rotation.
      await rm(join(envFile.folder, lastOf(policy)));
      await mkdir(join(envFile.folder, lastOf(policy)));
    }
    const rotations = new Map<string, string>();
    for (const { policy } of frozen) {
      underWay.add(policy);
      const { rotationId } = await stack.keyturn.rotate(policy, { reason: 'the worker is frozen in it' });
      rotations.set(policy, rotationId);
    }
    const names = (points: Frozen[]) => points.map(({ policy }) => policy).sort();
    await vi.waitFor(() => expect([...goes.keys()].sort()).toEqual(names(frozen)), patience);
    // A request that is not answered is given up soon: these look at one time.
    const looking = frozen.filter(({ when }) => when !== 'before its write began');
    const holds = looking.map(({ policy, store }) => {
      const hold = five.places.find((place) => place.store === store)?.holdNextLook?.(policy) as Hold;
      goes.get(policy)?.();
      return hold;
    });
    await Promise.all(holds.map(({ reached }) => reached));
    first.freeze();
    // All that it waited for is there when it wakes.
    for (const { release } of holds) release();
    for (const go of goes.values()) go();
    second = startWorker(stack);
    await second.ready;
    const ended = frozen.map(async ({ policy }) => {
      const { event } = await endOfRotation(stack.keyturn, policy, String(rotations.get(policy)));
      undone.set(policy, event);
    });
    await Promise.all(ended);
    first.thaw();
    await sleep(stillnessMs);
  }, 400_000);
  afterAll(async () => {
    await first?.kill('SIGKILL');
    await second?.kill('SIGTERM');
  });

  test.for(frozen)('in $store, $when: nothing of it stays', { timeout: 240_000 }, async ({ policy }) => {
    expect(undone.get(policy)).toBe('undone');
    // The rotation is tried again meanwhile, and undone again.
    await vi.waitFor(async () => expect(await whole(policy)).toEqual(former.get(policy)), patience);
    const last = join(five.envFile.folder, lastOf(policy));
    await rm(last, { recursive: true });
    await writeFile(last, `KEY=${await five.envFile.keyIn(policy)}\n`);
    await vi.waitFor(async () => {
      await expectAllAgree(five, policy);
      expect(existingKeys(five.stack, policy)).toHaveLength(1);
    }, patience);
  });
});
