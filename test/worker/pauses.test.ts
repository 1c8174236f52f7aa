import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPauses, type PausableQueue } from '../../worker/pauses.ts';

// Two workers, each with its pauses, over one queue of Temporal.

type Limit = { requestsPerSecond: number; reason: string; updateIdentity: string };
type Update = { updateQueueRateLimit: { rateLimit?: { requestsPerSecond: number }; reason: string } };
let limit: Limit | null;
let queue: PausableQueue;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  limit = null;
  let updates = 0;
  const service = {
    async describeTaskQueue() {
      const { requestsPerSecond, ...metadata } = limit ?? {};
      return { config: { queueRateLimit: limit && { rateLimit: { requestsPerSecond }, metadata } } };
    },
    async updateTaskQueueConfig({ updateQueueRateLimit: { rateLimit, reason } }: Update) {
      limit = rateLimit ? { ...rateLimit, reason, updateIdentity: `update ${++updates}` } : null;
    },
  };
  queue = { service: service as never, namespace: 'default', name: 'keyturn-openrouter-main' };
});

afterEach(() => {
  vi.useRealTimers();
});

test('a pause of one worker holds back another, and ends when its time is over', async () => {
  const [one, other] = [createPauses(), createPauses()];
  await one.begin(queue, 5_000);
  expect(limit?.requestsPerSecond).toBe(0);
  expect(await other.leftMs(queue)).toBe(5_000);
  vi.advanceTimersByTime(4_999);
  for (const pauses of [one, other]) await pauses.tend(queue);
  expect(limit).not.toBeNull();
  vi.advanceTimersByTime(1);
  await one.tend(queue);
  expect(limit).toBeNull();
  expect(await other.leftMs(queue)).toBe(0);
});

test('the worker that began it dies: another ends it, however its clock goes', async () => {
  const survivor = createPauses();
  await createPauses().begin(queue, 5_000);
  vi.advanceTimersByTime(2_000);
  await survivor.tend(queue);
  vi.advanceTimersByTime(4_999);
  await survivor.tend(queue);
  expect(limit).not.toBeNull();
  vi.advanceTimersByTime(1);
  await survivor.tend(queue);
  expect(limit).toBeNull();
});

test('of two pauses the longer one stays', async () => {
  const [short, long] = [createPauses(), createPauses()];
  await long.begin(queue, 60_000);
  await short.begin(queue, 5_000);
  expect(limit?.reason).toContain('60000 ms');
  // Both began at once, and the shorter one was written last.
  limit = { requestsPerSecond: 0, reason: 'OpenRouter asked to be left alone for 5000 ms', updateIdentity: 'short' };
  vi.advanceTimersByTime(5_000);
  await short.tend(queue);
  await long.tend(queue);
  expect(limit?.reason).toContain('55000 ms');
});

test('a limit that a person has set is left alone, and is no pause', async () => {
  limit = { requestsPerSecond: 0, reason: 'an incident', updateIdentity: 'somebody' };
  const pauses = createPauses();
  expect(await pauses.leftMs(queue)).toBe(0);
  await pauses.tend(queue);
  expect(limit.reason).toBe('an incident');
});

test('a server that knows no limits: the pause holds in this process', async () => {
  const unimplemented = async () => Promise.reject(new Error('12 UNIMPLEMENTED'));
  const service = { describeTaskQueue: unimplemented, updateTaskQueueConfig: unimplemented } as never;
  const older = { ...queue, service };
  const pauses = createPauses();
  await pauses.begin(older, 5_000);
  expect(await pauses.leftMs(older)).toBe(5_000);
  vi.advanceTimersByTime(5_000);
  expect(await pauses.leftMs(older)).toBe(0);
});
