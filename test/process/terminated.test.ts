import { expect, test } from 'vitest';
import { workflowId } from '../../workflows/messages.ts';
import { existingKeys } from './agreement.ts';
import { oneWorld } from './one-world.ts';
import type { World } from './own-world.ts';
import type { rawClients } from './raw-client.ts';
import { endOfRotation, issueFirstKey, policyNamed } from './rotation.ts';

// Terminate and reset cannot be handled by the workflow: it is gone, or knows nothing of what it had done. Then `apply`
// is where somebody asks.

const timeout = 60_000;

let world: World;
let raw: Awaited<ReturnType<typeof rawClients>>;
oneWorld((here) => {
  ({ world, raw } = here);
});

const keysMade = () => world.requests.filter(({ operation }) => operation === 'createKey').length;

test('a policy that was terminated is not silently given another key', { timeout }, async () => {
  await issueFirstKey(world.keyturn, policyNamed('stopped'));
  const [key] = existingKeys(world, 'stopped');
  await raw.sealed.workflow.getHandle(workflowId('stopped')).terminate('somebody clicked');
  await expect(world.keyturn.status('stopped')).rejects.toMatchObject({
    code: 'KEYTURN_POLICY_ENDED',
    message: expect.stringContaining('terminated'),
  });
  const before = keysMade();
  const refused = { code: 'KEYTURN_LIVE_KEYS', message: expect.stringContaining(key?.hash ?? 'no key') };
  await expect(world.keyturn.applyRead(policyNamed('stopped'))).rejects.toMatchObject(refused);
  expect(keysMade()).toBe(before);

  const applied = await world.keyturn.applyRead(policyNamed('stopped'), { newKey: true });
  expect(applied).toMatchObject({ created: true, liveKeys: [{ hash: key?.hash }] });
  expect((await endOfRotation(world.keyturn, 'stopped', String(applied.rotationId))).event).toBe('published');
});

test('nor one that was terminated before its first key had a name of its own', { timeout }, async () => {
  const reached = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  world.onMoment = async ({ policy, step, at }) => {
    if (policy !== 'early' || step !== 'createKey' || at !== 'after') return;
    reached.resolve();
    await held.promise;
  };
  await world.keyturn.applyRead(policyNamed('early'));
  await reached.promise;
  await raw.sealed.workflow.getHandle(workflowId('early')).terminate();
  held.resolve();
  world.onMoment = async () => {};
  await expect(world.keyturn.applyRead(policyNamed('early'))).rejects.toMatchObject({
    code: 'KEYTURN_LIVE_KEYS',
    message: expect.stringContaining('keyturn:early:'),
  });
});

test('one that was reset to before a publish is told of the key that it does not know', { timeout }, async () => {
  const { keyturn } = world;
  await issueFirstKey(keyturn, policyNamed('reset'));
  const handle = raw.sealed.workflow.getHandle(workflowId('reset'));
  const before = await handle.describe();
  const { rotationId } = await keyturn.rotate('reset', { reason: 'to be forgotten' });
  await endOfRotation(keyturn, 'reset', rotationId);
  const published = existingKeys(world, 'reset').at(-1);
  const { history } = await raw.sealed.workflowService.getWorkflowExecutionHistory({
    namespace: 'default',
    execution: { workflowId: workflowId('reset'), runId: before.runId },
  });
  const events = history?.events ?? [];
  const asked = events.findLastIndex(({ workflowExecutionUpdateAcceptedEventAttributes: taken }) => taken);
  // The last task before the one that took the request.
  const tasks = events.slice(0, asked).filter(({ workflowTaskCompletedEventAttributes: done }) => done);
  await raw.sealed.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: workflowId('reset'), runId: before.runId },
    reason: 'a test',
    workflowTaskFinishEventId: tasks.at(-2)?.eventId ?? null,
    requestId: 'one',
    // RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL and _UPDATE: the request for the rotation is forgotten as well.
    resetReapplyExcludeTypes: [1, 2],
  });
  const { liveKeys } = await keyturn.applyRead(policyNamed('reset', { quarantineMs: 5_000 }));
  expect(liveKeys.map(({ hash }) => hash)).toContain(published?.hash);
});

test('a new policy is not refused for a key of the same name that a person made', { timeout }, async () => {
  await issueFirstKey(world.keyturn, policyNamed('neighbour'));
  const { created, liveKeys } = await world.keyturn.applyRead(policyNamed('newcomer'));
  expect({ created, liveKeys }).toEqual({ created: true, liveKeys: [] });
});
