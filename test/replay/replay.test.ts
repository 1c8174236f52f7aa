import '../quiet-runtime.ts';
import { Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CreatedKey, CreateKeyInput } from '../../activities/create-key.ts';
import type { VerifySecretInput } from '../../activities/verify-secret.ts';
import { nextStep } from '../../policy/lifecycle.ts';
import type { PolicyState } from '../../policy/state.ts';
import { bundleWorkflows } from '../../worker/create-worker.ts';
import { attributesOf, eventsOf, firstPayload, type HistoryEvent, recorded, recordedNames } from './histories.ts';

let workflowBundle: WorkflowBundleWithSourceMap;
beforeAll(async () => {
  workflowBundle = await bundleWorkflows();
});

function replay(history: unknown): Promise<void> {
  return Worker.runReplayHistory({ workflowBundle }, history);
}

describe.each(recordedNames)('the recorded run %s', (name) => {
  test('is replayed by the code of today', async () => {
    await expect(replay(recorded(name))).resolves.toBeUndefined();
  });

  test('ends on a completed workflow task: in an open one an error would go unseen', () => {
    const types = recorded(name).events.map(({ eventType }) => eventType.replace('EVENT_TYPE_', ''));
    expect(types.filter((type) => type.startsWith('WORKFLOW_TASK_')).at(-1)).toBe('WORKFLOW_TASK_COMPLETED');
    expect(types.at(-1)).toBe('WORKFLOW_EXECUTION_CONTINUED_AS_NEW');
  });

  test('has no local activity: beside a message or another one it ends in another order when it is replayed', () => {
    expect(recorded(name).events.map(({ eventType }) => eventType)).not.toContain('EVENT_TYPE_MARKER_RECORDED');
  });
});

test('code that does other steps than the recorded ones does not replay', async () => {
  const history = recorded('published-1');
  const verified = scheduled(history.events, 'verifyKey');
  Object.assign(attributesOf(verified), { activityType: { name: 'renameKey' } });
  await expect(replay(history)).rejects.toThrow(/renameKey|verifyKey|[Nn]ondeterminism/);
});

// Replay compares neither the durations of timers nor the arguments of activities (design §11): so they are here.

test.each(['published-3', 'published-4'])('%s slept exactly until what was due', (name) => {
  const { events } = recorded(name);
  const state = firstPayload<PolicyState>(attributesOf(events[0]).input);
  const asleep = events.findLastIndex(({ eventType }) => eventType === 'EVENT_TYPE_TIMER_STARTED');
  const wokeAt = events.slice(0, asleep).findLast(({ eventType }) => eventType === 'EVENT_TYPE_WORKFLOW_TASK_STARTED');
  const slept = Number.parseFloat(attributesOf(events[asleep]).startToFireTimeout ?? '') * 1000;
  const step = nextStep(state, wokeAt?.eventTime ?? '');
  expect(step.do).toBe('sleep');
  const until = step.do === 'sleep' ? Date.parse(step.until ?? '') : 0;
  expect(Date.parse(wokeAt?.eventTime ?? '') + slept).toBeCloseTo(until, -1);
});

test.each(['published-1', 'published-2'])('%s created what the policy asks and read back what was created', (name) => {
  const history = recorded(name);
  const after = firstPayload<PolicyState>(attributesOf(history.events.at(-1)).input);
  const asked = firstPayload<CreateKeyInput>(attributesOf(scheduled(history.events, 'createKey')).input);
  const created = firstPayload<CreatedKey>(attributesOf(completed(history.events, 'createKey')).result);
  const readBack = firstPayload<VerifySecretInput>(attributesOf(scheduled(history.events, 'verifySecret')).input);
  expect(asked.key).toEqual(after.policy?.key);
  expect(asked.marker).toBe(`keyturn:published:${after.current?.rotationId}:1`);
  expect(readBack.digest).toBe(created.digest);
  expect(after.current?.hash).toBe(created.hash);
});

test('undone-1 put back what it found, then removed the key it made', () => {
  const history = recorded('undone-1');
  const steps = eventsOf(history, 'ACTIVITY_TASK_SCHEDULED').map((event) => attributesOf(event).activityType?.name);
  expect(steps.slice(-2)).toEqual(['restoreSecret', 'reapKey']);
  const created = firstPayload<CreatedKey>(attributesOf(completed(history.events, 'createKey')).result);
  expect(firstPayload(attributesOf(scheduled(history.events, 'reapKey')).input)).toMatchObject({ hash: created.hash });
});

function scheduled(events: HistoryEvent[], activity: string): HistoryEvent | undefined {
  return events.find(
    (event) =>
      event.eventType === 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED' && attributesOf(event).activityType?.name === activity,
  );
}

function completed(events: HistoryEvent[], activity: string): HistoryEvent | undefined {
  const { eventId } = scheduled(events, activity) ?? {};
  return events.find(
    (event) =>
      event.eventType === 'EVENT_TYPE_ACTIVITY_TASK_COMPLETED' && attributesOf(event).scheduledEventId === eventId,
  );
}
