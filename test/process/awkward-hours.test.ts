import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import { type Activities, createActivities } from '../../activities/index.ts';
import type { Policy } from '../../policy/declared/policy.ts';
import { isRotation, type PolicyStatus } from '../../policy/life/status.ts';
import { startSimulator } from '../../simulator/index.ts';
import { history, rotate, status } from '../../workflows/messages.ts';
import type { StepName } from '../../workflows/saga/step-table.ts';
import { minute } from '../policy/life/states.ts';
import { startTimeSkipping } from '../workflows/time-skipping.ts';
import { existingKeys, keysEverMade, storedKey } from './agreement.ts';
import { newMachine } from './machine.ts';
import { connectMain, toolsOf } from './own-world.ts';
import { eventually, policyNamed } from './rotation.ts';

/** What takes minutes or hours: the real steps over HTTP and a real vault, on the time-skipping server. */
async function startWorld() {
  const machine = await newMachine();
  const simulator = await startSimulator();
  await connectMain(machine, simulator.url, simulator.managementKey);
  const before: Partial<Record<StepName, () => Promise<void>>> = {};
  const temporal = await startTimeSkipping(hooked(createActivities(await toolsOf(machine)), before));
  onTestFinished(async () => {
    await temporal.close();
    await simulator.close();
    await machine.remove();
  });
  const apply = async (policy: Policy) => {
    const handle = await temporal.apply(policy);
    const atRest = () => isAtRest(handle);
    return {
      /** Waits, without letting time pass, until the policy sleeps, and asks it then. */
      status: async () => {
        await eventually(atRest);
        return handle.query(status);
      },
      history: async () => {
        await eventually(atRest);
        return handle.query(history);
      },
      rotate: async (reason: string) => {
        await eventually(atRest);
        await handle.executeUpdate(rotate, { args: [{ requestId: reason, reason }] });
      },
      /** Lets time pass, half a minute at once. */
      passUntil: async (is: (status: PolicyStatus) => boolean) => {
        while (!((await atRest()) && is(await handle.query(status)))) await temporal.env.sleep(minute / 2);
      },
    };
  };
  return { ...machine, simulator, before, apply };
}

/**
 * Whether the policy's newest run sleeps. This server loses a question that comes while a workflow goes over to its next
 * run, and then lets no more time be skipped.
 */
async function isAtRest(handle: WorkflowHandle): Promise<boolean> {
  const { events } = await handle.fetchHistory();
  const last = events?.at(-1);
  return Boolean(
    last?.timerStartedEventAttributes ??
      last?.upsertWorkflowSearchAttributesEventAttributes ??
      last?.workflowTaskCompletedEventAttributes ??
      last?.workflowExecutionUpdateCompletedEventAttributes,
  );
}

/** The same steps, each after what stands in `before` under its name. */
function hooked(activities: Activities, before: Partial<Record<string, () => Promise<void>>>): Activities {
  const pairs = Object.entries(activities).map(([name, run]) => {
    const step = run as (input: unknown) => Promise<unknown>;
    const hookedStep = async (input: unknown) => {
      await before[name]?.();
      return step(input);
    };
    return [name, hookedStep];
  });
  return Object.fromEntries(pairs) as Activities;
}

test('a key that arrives after the patient look is removed ten minutes later', async () => {
  const world = await startWorld();
  const { simulator, apply } = world;
  const late = simulator.control.injections.add({ on: 'createKey', when: 'before', kind: 'late' });
  const policy = await apply(policyNamed('late'));
  await eventually(async () => (await policy.status()).keys.length === 1);
  late.release();
  await eventually(async () => keysEverMade(world, 'late').length === 2);
  const [kept, arrived] = existingKeys(world, 'late');
  expect((await policy.status()).strays).toEqual([arrived?.name]);

  await policy.passUntil(({ strays }) => strays.length === 0);
  expect(existingKeys(world, 'late').map(({ hash }) => hash)).toEqual([kept?.hash]);
  const removed = (await policy.history()).find(({ event }) => event === 'removed');
  expect(removed).toMatchObject({ marker: arrived?.name });
  expect(await storedKey(world, 'late')).toEqual({ hash: kept?.hash, answer: 200 });
}, 60_000);

test('a vault that may not be written for long ends the rotation; once it may, the next try publishes', async () => {
  const world = await startWorld();
  const { apply, paths, before } = world;
  const policy = await apply(policyNamed('read-only'));
  await eventually(async () => (await policy.status()).keys.length === 1);
  before.captureSecret = () => setWritable(paths.vaultFile, false);
  await policy.rotate('the vault may not be written');
  await policy.passUntil(({ last }) => last?.event === 'undone');

  const { last, keys } = await policy.status();
  expect(last?.fault).toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE' });
  expect(last?.fault?.message).toContain('may not be written');
  expect(keys.map(({ generation, state }) => [generation, state])).toEqual([[1, 'live']]);
  expect(existingKeys(world, 'read-only').map(({ hash }) => hash)).toEqual([keys[0]?.hash]);
  expect(await storedKey(world, 'read-only')).toEqual({ hash: keys[0]?.hash, answer: 200 });

  before.captureSecret = () => setWritable(paths.vaultFile, true);
  await policy.passUntil(({ last }) => last?.event === 'published');
  expect((await policy.status()).last).toMatchObject({ attempt: 2, generation: 2 });
  expect(existingKeys(world, 'read-only')).toHaveLength(2);
  expect(await storedKey(world, 'read-only')).toMatchObject({ answer: 200 });
}, 90_000);

test('a vault that is cut off in the middle of storing needs a person, and nothing is lost when a copy is back', async () => {
  const world = await startWorld();
  const { apply, paths, before } = world;
  const policy = await apply(policyNamed('cut-off'));
  await eventually(async () => (await policy.status()).keys.length === 1);
  const copy = await readFile(paths.vaultFile);
  before.storeSecret = () => truncate(paths.vaultFile, 5_000);
  await policy.rotate('the vault is cut off');
  await policy.passUntil(({ state }) => state === 'needs-attention');

  const [attention] = (await policy.status()).attention;
  expect(attention).toMatchObject({ code: 'KEYTURN_VAULT_CORRUPT' });
  expect(attention?.message).toContain('put back what local:CUT_OFF held');
  expect(attention?.remedy).toContain('Put back a copy of it');
  // Neither key goes while nobody knows what the store holds.
  expect(existingKeys(world, 'cut-off').map(({ state }) => state)).toEqual(['live', 'live']);

  before.storeSecret = async () => {};
  await writeFile(paths.vaultFile, copy);
  await policy.passUntil(({ last }) => last?.generation === 2);
  expect((await policy.history()).filter(isRotation).map(({ event }) => event)).toEqual([
    'published',
    'undone',
    'published',
  ]);
  const { attention: left, keys } = await policy.status();
  expect(left).toEqual([]);
  expect(existingKeys(world, 'cut-off').map(({ hash }) => hash)).toEqual(keys.map(({ hash }) => hash).reverse());
  expect(await storedKey(world, 'cut-off')).toEqual({ hash: keys[0]?.hash, answer: 200 });
}, 90_000);

/**
 * Byte 18 of an SQLite file is the version that who writes it must know (sqlite.org/fileformat.html §1.3.3). With a
 * newer one SQLite only reads it: to root too, whom a file's mode does not bind.
 */
async function setWritable(file: string, writable: boolean): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(Uint8Array.of(writable ? 1 : 3), 0, 1, 18);
  await handle.close();
}
