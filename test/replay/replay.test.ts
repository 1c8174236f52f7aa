import '../quiet-runtime.ts';
import { Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CreatedKey, CreateKeyInput } from '../../activities/create-key.ts';
import type { VerifySecretInput } from '../../activities/verify-secret.ts';
import { nextStep } from '../../policy/life/agenda.ts';
import { migratedState } from '../../policy/life/migrations.ts';
import type { PolicyState } from '../../policy/life/state.ts';
import { type WorkflowBundle, workflowBundle } from '../../worker/workflow-bundle.ts';
import {
  attributesOf,
  endsAsleep,
  eventsOf,
  firstPayload,
  type HistoryEvent,
  inputOf,
  type RecordedHistory,
  recorded,
  recordedNames,
} from './histories.ts';

let bundle: WorkflowBundle;
beforeAll(async () => {
  bundle = await workflowBundle();
});

function replay(history: unknown): Promise<void> {
  return Worker.runReplayHistory({ workflowBundle: bundle }, history);
}

describe.each(recordedNames)('the recorded run %s', (name) => {
  const { events } = recorded(name);
  const types = events.map(({ eventType }) => eventType.replace('EVENT_TYPE_', ''));

  test('is replayed by the code of today', async () => {
    await expect(replay(recorded(name))).resolves.toBeUndefined();
  });

  test('is not replayed by code that does something else', async () => {
    await expect(replay(doingSomethingElse(recorded(name)))).rejects.toThrow(/[Nn]ondeterminis/);
  });

  test('ends on a completed workflow task: in an open one an error would go unseen', () => {
    expect(types.filter((type) => type.startsWith('WORKFLOW_TASK_')).at(-1)).toBe('WORKFLOW_TASK_COMPLETED');
    const isOver = ['CONTINUED_AS_NEW', 'COMPLETED'].some((end) => types.at(-1) === `WORKFLOW_EXECUTION_${end}`);
    expect(isOver || endsAsleep(recorded(name))).toBe(true);
  });

  test('has no local activity: beside a message or another one it ends in another order when it is replayed', () => {
    expect(types).not.toContain('MARKER_RECORDED');
  });

  test('names no process, machine or folder', () => {
    const text = JSON.stringify(events);
    expect(text).not.toMatch(/\d@|\/(home|root|tmp|work|Users)\//);
    expect(text.length).toBeLessThan(100_000);
  });
});

/** The last command of the run as another one: what code that was changed would have done instead. */
function doingSomethingElse(history: RecordedHistory): RecordedHistory {
  const task = history.events.findLastIndex(({ eventType }) => eventType === 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED');
  const activity = eventsOf(history, 'ACTIVITY_TASK_SCHEDULED').at(-1);
  if (activity !== undefined) {
    Object.assign(attributesOf(activity), { activityType: { name: 'anotherStep' } });
    return history;
  }
  const command = history.events.findIndex(({ eventType }, n) => n < task && eventType === 'EVENT_TYPE_TIMER_STARTED');
  const at = command === -1 ? task + 1 : command;
  const { eventId, eventTime } = history.events[at] as HistoryEvent;
  const timer = { timerId: '99', startToFireTimeout: '1s', workflowTaskCompletedEventId: String(task + 1) };
  history.events[at] = {
    eventId,
    eventTime,
    eventType: 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED',
    ...{ activityTaskScheduledEventAttributes: { activityId: '99', activityType: { name: 'anotherStep' }, ...timer } },
  };
  return history;
}

test('code that does other steps than the recorded ones does not replay', async () => {
  const history = recorded('0.1.0/published-1');
  const verified = scheduled(history.events, 'verifyKey');
  Object.assign(attributesOf(verified), { activityType: { name: 'renameKey' } });
  await expect(replay(history)).rejects.toThrow(/renameKey|verifyKey|[Nn]ondeterminism/);
});

test('every scenario is recorded asleep too: that is what is replayed in production', () => {
  const scenarios = Object.groupBy(recordedNames, (name) => name.replace(/-\d+$/, ''));
  const over = ['0.1.0/destroyed', '0.1.0/cancelled'];
  for (const [scenario, names = []] of Object.entries(scenarios)) {
    if (scenario.startsWith('before-') || over.includes(scenario)) continue;
    expect(names.some((name) => endsAsleep(recorded(name)))).toBe(true);
  }
});

// Replay compares neither the durations of timers nor the arguments of activities (design §11): so they are here.

const sleepers = ['before-0.1.0/published-3', 'before-0.1.0/published-4', '0.1.0/published-3', '0.1.0/published-4'];
test.each([...sleepers, '0.1.0/lost-2', '0.1.0/blocked-4'])('%s slept exactly until what was due', (name) => {
  const { events } = recorded(name);
  const migrated = migratedState(inputOf(recorded(name)));
  if (migrated.is !== 'known') throw new Error(migrated.is);
  const asleep = events.findLastIndex(({ eventType }) => eventType === 'EVENT_TYPE_TIMER_STARTED');
  const wokeAt = events.slice(0, asleep).findLast(({ eventType }) => eventType === 'EVENT_TYPE_WORKFLOW_TASK_STARTED');
  const slept = Number.parseFloat(attributesOf(events[asleep]).startToFireTimeout ?? '') * 1000;
  const planned = completed(events, 'planRun');
  const next = planned && firstPayload<{ run: PolicyState['next'] }>(attributesOf(planned).result).run;
  const step = nextStep({ ...migrated.value, ...(next ? { next } : {}) }, wokeAt?.eventTime ?? '');
  expect(step.do).toBe('sleep');
  const until = step.do === 'sleep' ? Date.parse(step.until ?? '') : 0;
  expect(Date.parse(wokeAt?.eventTime ?? '') + slept).toBeCloseTo(until, -1);
});

const publishing = ['before-0.1.0/published-2', '0.1.0/published-1', '0.1.0/published-2'];
test.each(publishing)('%s created what the policy asks and read back what was created', (name) => {
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
  const history = recorded('0.1.0/undone-1');
  expect(steps(history).slice(-2)).toEqual(['restoreSecret', 'reapKey']);
  const created = firstPayload<CreatedKey>(attributesOf(completed(history.events, 'createKey')).result);
  expect(firstPayload(attributesOf(scheduled(history.events, 'reapKey')).input)).toMatchObject({ hash: created.hash });
});

test('withdrawn-1 put back what it found, and left the key alone that a store had shown', () => {
  expect(steps(recorded('0.1.0/withdrawn-1')).at(-1)).toBe('restoreSecret');
});

test('turn-1 asked again under the same marker, lost-1 under another', () => {
  const markers = (name: string) =>
    eventsOf(recorded(name), 'ACTIVITY_TASK_SCHEDULED')
      .map(attributesOf)
      .filter(({ activityType }) => activityType?.name === 'createKey')
      .map(({ input }) => firstPayload<CreateKeyInput>(input).marker.split(':').at(-1));
  expect(markers('0.1.0/turn-1')).toEqual(['1', '1']);
  expect(markers('0.1.0/lost-1')).toEqual(['1', '2']);
});

test('newer-1 passed on just what it was given', () => {
  const { events } = recorded('0.1.0/newer-1');
  const [given, passedOn] = [events[0], events.at(-1)].map((event) => attributesOf(event).input?.payloads[0]?.data);
  expect(passedOn).toBe(given);
});

function steps(history: RecordedHistory): (string | undefined)[] {
  return eventsOf(history, 'ACTIVITY_TASK_SCHEDULED').map((event) => attributesOf(event).activityType?.name);
}

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
