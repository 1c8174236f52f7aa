import { expect, test } from 'vitest';
import { Secret } from '../../codec/secret.ts';
import { createPace } from '../../openrouter/pace.ts';
import { answer, clientOf, startScriptedServer } from './scripted-server.ts';

test('requests of one connection are spaced, first come, first served', async () => {
  const pace = createPace({ minIntervalMs: 30, maxWaitMs: 1_000 });
  const startedMs = performance.now();
  const starts: { n: number; afterMs: number }[] = [];
  await Promise.all(
    [0, 1, 2, 3].map(async (n) => {
      await pace.turn();
      starts.push({ n, afterMs: performance.now() - startedMs });
    }),
  );

  expect(starts.map(({ n }) => n)).toEqual([0, 1, 2, 3]);
  // Each against the beginning: on a busy machine one may be late and the next on time. Each timer may be a little early.
  for (const { n, afterMs } of starts) expect(afterMs).toBeGreaterThanOrEqual(n * 28);
});

test('a turn that is not used at once is not saved up for a burst', async () => {
  const pace = createPace({ minIntervalMs: 40, maxWaitMs: 1_000 });
  await pace.turn();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const startedMs = performance.now();
  await pace.turn();
  await pace.turn();
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(38);
});

test('the queue is bounded: what would be sent too late is refused at once', async () => {
  const pace = createPace({ minIntervalMs: 1_000, maxWaitMs: 2_000 });
  const turns = [1, 2, 3, 4].map(() => pace.turn());
  expect(await turns[3]).toEqual({ is: 'full', waitMs: 3_000 });
  pace.close();
  expect(await Promise.all(turns.slice(0, 3))).toEqual([{ is: 'yours' }, { is: 'closed' }, { is: 'closed' }]);
  expect(await pace.turn()).toEqual({ is: 'closed' });
});

test('a request that finds the queue full says when to come back, and was not sent', async () => {
  await using server = await startScriptedServer((response) =>
    answer(response, 200, { data: { total_credits: 1, total_usage: 0 } }),
  );
  const client = clientOf(server.baseUrl, { minIntervalMs: 40_000 });
  await client.credits();
  const waiting = [client.credits(), client.credits()].map((call) => call.catch(() => {}));

  await expect(client.credits()).rejects.toMatchObject({
    code: 'KEYTURN_CONNECTION_BUSY',
    kind: 'transient',
    retryAfterMs: 80_000,
  });
  await client.close();
  await Promise.all(waiting);
  expect(server.received).toHaveLength(1);
});

test('trying an inference key is no management request and waits for nobody', async () => {
  const current = { label: '', include_byok_in_limit: false, is_management_key: false };
  await using server = await startScriptedServer((response) => answer(response, 200, { data: current }));
  await using client = clientOf(server.baseUrl, { minIntervalMs: 600_000 });
  const secret = new Secret(`sk-or-v1-${'e'.repeat(64)}`);

  await client.credits().catch(() => {});
  for (let n = 0; n < 3; n += 1) await client.currentKey(secret);
  expect(server.received).toHaveLength(4);
});
