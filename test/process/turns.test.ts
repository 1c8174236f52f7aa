import { expect, test } from 'vitest';
import { connectionQueue, workflowId } from '../../workflows/messages.ts';
import { oneWorld } from './one-world.ts';
import type { World } from './own-world.ts';
import type { rawClients } from './raw-client.ts';
import { issueFirstKey, policyNamed, statusWhen } from './rotation.ts';

let world: World;
let raw: Awaited<ReturnType<typeof rawClients>>;
oneWorld((here) => {
  ({ world, raw } = here);
});

test('a rotation and the end of the key before it take one turn a step, and one for the proof', {
  timeout: 30_000,
}, async () => {
  const { keyturn, requests } = world;
  const policy = policyNamed('thrifty', { graceMs: 0, quarantineMs: 0 });
  await issueFirstKey(keyturn, policy);
  requests.length = 0;
  await keyturn.rotate('thrifty', { reason: 'to count' });
  await statusWhen(keyturn, 'thrifty', ({ keys }) => keys.length === 1 && keys[0]?.generation === 2);
  const asked = requests.map(({ operation }) => operation);
  // createKey, verifyKey, renameKey, disableKey with its proof, deleteKey.
  expect(asked.filter((operation) => operation !== 'currentKey')).toEqual([
    'createKey',
    'getKey',
    'patchKey',
    'getKey',
    'patchKey',
    'deleteKey',
  ]);
  // With the new key: three to accept it (five in life), one in each turn of disableKey, one before deleteKey.
  expect(asked.filter((operation) => operation === 'currentKey')).toHaveLength(6);
});

test('a scan takes a turn for each page, and finds the key that it looks for', { timeout: 30_000 }, async () => {
  const { keyturn, requests, simulator } = world;
  simulator.control.injections.add({ on: 'createKey', when: 'after', kind: 'reset' });
  requests.length = 0;
  await issueFirstKey(keyturn, policyNamed('in-doubt'));
  const asked = requests.map(({ operation }) => operation).filter((operation) => operation !== 'currentKey');
  const twoScans = ['listKeys', 'listKeys', 'listKeys', 'listKeys'];
  expect(asked).toEqual(['createKey', ...twoScans, 'deleteKey', 'createKey', 'getKey', 'patchKey']);
});

test('a create that waits for its turn is called off at once: it was not sent, and no key is looked for', {
  timeout: 30_000,
}, async () => {
  const { keyturn, requests } = world;
  await limit({ requestsPerSecond: 0 });
  await keyturn.applyRead(policyNamed('waiting'));
  await statusWhen(keyturn, 'waiting', ({ running }) => running?.steps.at(-1)?.step === 'createKey');
  requests.length = 0;
  await keyturn.delete('waiting', 'destroy');
  await raw.sealed.workflow.getHandle(workflowId('waiting')).result();
  await limit(null);
  expect(requests).toEqual([]);
});

/** As a person does who stops a connection by hand. */
async function limit(rateLimit: { requestsPerSecond: number } | null): Promise<void> {
  await raw.plain.workflowService.updateTaskQueueConfig({
    namespace: 'default',
    identity: 'a test',
    taskQueue: connectionQueue('world 1', 'main'),
    taskQueueType: 2,
    updateQueueRateLimit: { reason: 'by hand', ...(rateLimit === null ? {} : { rateLimit }) },
  });
}
