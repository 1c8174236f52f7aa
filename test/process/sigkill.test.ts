import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import type { StepName } from '../../workflows/saga/step-table.ts';
import { hour } from '../policy/life/states.ts';
import { existingKeys, expectAgreement, keysEverMade, storedKey } from './agreement.ts';
import { endOfRotation, issueFirstKey, policyNamed, statusWhen } from './rotation.ts';
import { type Stack, startStack } from './stack.ts';
import type { Moment } from './step-hook.ts';
import { startHookedWorker, startWorker, type WorkerProcess } from './worker-process.ts';

/** What is wrong with the rotation in which the worker dies. */
type Trouble = 'none' | 'lost answer' | 'changed key' | 'changed vault';

/** Where one policy's worker dies. Each policy waits at its own point, so one SIGKILL meets them all. */
type KillPoint = { policy: string; step: StepName; at: Moment['at']; trouble: Trouble };

const forward: StepName[] = [
  ...(['createKey', 'verifyKey', 'captureSecret', 'storeSecret', 'verifySecret', 'renameKey'] as const),
  ...(['disableKey', 'deleteKey'] as const),
];

const killPoints = [
  ...forward.flatMap((step) => bothSidesOf(step, 'none')),
  ...bothSidesOf('restoreSecret', 'changed vault'),
  ...bothSidesOf('reapKey', 'changed key'),
  ...bothSidesOf('reapKey', 'lost answer'),
];

function bothSidesOf(step: StepName, trouble: Trouble) {
  return (['before', 'after'] as const).map((at): KillPoint => {
    const policy = `${at}-${step.toLowerCase()}${trouble === 'none' ? '' : `-${trouble.replace(' ', '-')}`}`;
    return { policy, step, at, trouble };
  });
}

/** The policies whose rotation has not come to its kill point. */
const onTheirWay = new Set(killPoints.map(({ policy }) => policy));

/** What does not come says who it is, long before the hook's own limit. */
const patience = { timeout: 90_000, interval: 200 };

let stack: Stack;
let secondWorker: WorkerProcess;
/** Rotation id of each policy's second rotation: the one in which the worker dies, or before whose old key goes. */
const rotations = new Map<string, string>();
/** What each store gave out while no worker ran. */
const meanwhile = new Map<string, Awaited<ReturnType<typeof storedKey>>>();

beforeAll(async () => {
  stack = await startStack(inject('temporalCli'));
  const { keyturn, simulator } = stack;
  const worker = startHookedWorker(stack, pauseAtKillPoint);
  await worker.ready;
  await Promise.all(killPoints.map(({ policy, step }) => issueFirstKey(keyturn, policyNamed(policy, lives(step)))));

  // A lost answer is for the next create, whichever policy's that is: these go first, one after the other.
  for (const { policy, trouble } of killPoints.toSorted((a) => (a.trouble === 'lost answer' ? -1 : 1))) {
    const lost =
      trouble === 'lost answer' && simulator.control.injections.add({ on: 'createKey', when: 'after', kind: 'reset' });
    const ticket = await keyturn.rotate(policy, { reason: 'the worker dies in it' });
    rotations.set(policy, ticket.rotationId);
    if (lost) await vi.waitFor(() => expect(lost.status(), policy).toMatchObject({ spent: true }), patience);
  }
  await vi.waitFor(() => expect([...onTheirWay]).toEqual([]), patience);

  await worker.kill('SIGKILL');

  for (const { policy, trouble } of killPoints) {
    // The one value that works nowhere was put there by this test.
    if (trouble !== 'changed vault') meanwhile.set(policy, await storedKey(stack, policy));
  }

  secondWorker = startWorker(stack);
  await secondWorker.ready;
}, 240_000);

afterAll(async () => {
  await secondWorker.kill('SIGTERM');
  await stack.close();
});

test.for(killPoints)('SIGKILL $at $step ($trouble) ends in agreement', { timeout: 60_000 }, async (point) => {
  const { policy, step, at, trouble } = point;
  const { keyturn } = stack;
  const record = await endOfRotation(keyturn, policy, String(rotations.get(policy)));
  const undone = trouble === 'changed vault' || trouble === 'changed key';
  // A create whose answer is lost is made once more; on a machine that stands still for long that one may be lost too.
  const ends = trouble === 'lost answer' ? ['published', 'undone'] : [undone ? 'undone' : 'published'];
  expect(ends).toContain(record.event);
  if (step === 'disableKey') await statusWhen(keyturn, policy, ({ keys }) => keys[1]?.state === 'quarantined');
  if (step === 'deleteKey') await statusWhen(keyturn, policy, ({ keys }) => keys.length === 1);

  await expectAgreement(stack, policy);
  expect((await keyturn.status(policy)).keys[0]?.generation).toBe(undone ? 1 : 2);
  // A create is sent again only where its answer was lost; the key of the lost one is gone.
  const lostCreate = step === 'createKey' || trouble === 'lost answer';
  const made = { before: 0, after: 1 }[at];
  expect(keysEverMade(stack, policy)).toHaveLength(step === 'createKey' ? 2 + made : lostCreate ? 3 : 2);
  if (trouble !== 'changed vault') expect(meanwhile.get(policy)).toMatchObject({ answer: 200 });
});

function lives(step: StepName) {
  if (step === 'disableKey') return { graceMs: 0, quarantineMs: hour };
  return step === 'deleteKey' ? { graceMs: 0, quarantineMs: 0 } : {};
}

async function pauseAtKillPoint({ at, step, policy }: Moment): Promise<void> {
  const point = killPoints.find((one) => one.policy === policy);
  if (point === undefined || !rotations.has(policy)) return;
  if (at === 'before') makeTrouble(point, step);
  if (point.at !== at || point.step !== step) return;
  onTheirWay.delete(policy);
  await new Promise(() => {});
}

/** What makes the rotation fail for good, at the step that finds it. */
function makeTrouble({ policy, trouble }: KillPoint, step: StepName): void {
  if (trouble === 'changed key' && step === 'verifyKey') {
    const fresh = existingKeys(stack, policy).at(-1);
    stack.simulator.control.keys.disable(String(fresh?.hash));
  }
  if (trouble === 'changed vault' && step === 'verifySecret') {
    const db = new DatabaseSync(stack.paths.vaultFile, { timeout: 5_000 });
    db.prepare('UPDATE secret_version SET sealed = ? WHERE policy = ? AND version = 2').run('kt1.changed', policy);
    db.close();
  }
}
