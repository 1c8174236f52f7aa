import { expect, test } from 'vitest';
import { createPace, type Lane } from '../../openrouter/pace.ts';
import { Secret } from '../../secrets/secret.ts';
import { answer, clientOf, startScriptedServer } from './scripted-server.ts';

test('requests of one connection are spaced, first come, first served', async () => {
  const pace = createPace({ minIntervalMs: 30, maxWaitMs: 1_000 });
  const startedMs = performance.now();
  const starts: { n: number; afterMs: number }[] = [];
  await Promise.all(
    [0, 1, 2, 3].map(async (n) => {
      await pace.turn('carry on');
      starts.push({ n, afterMs: performance.now() - startedMs });
    }),
  );

  expect(starts.map(({ n }) => n)).toEqual([0, 1, 2, 3]);
  // Each against the beginning: on a busy machine one may be late and the next on time. Each timer may be a little early.
  for (const { n, afterMs } of starts) expect(afterMs).toBeGreaterThanOrEqual(n * 28);
});

test('a turn that is not used at once is not saved up for a burst', async () => {
  const pace = createPace({ minIntervalMs: 40, maxWaitMs: 1_000 });
  await pace.turn('carry on');
  await new Promise((resolve) => setTimeout(resolve, 100));
  const startedMs = performance.now();
  await pace.turn('carry on');
  await pace.turn('carry on');
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(38);
});

test('the queue is bounded: what would be sent too late is refused at once', async () => {
  const pace = createPace({ minIntervalMs: 1_000, maxWaitMs: 2_000 });
  const turns = [1, 2, 3, 4].map(() => pace.turn('carry on'));
  const full = { is: 'full', waitMs: expect.closeTo(3_000, -2) };
  expect(await turns[3]).toEqual(full);
  pace.close();
  expect(await Promise.all(turns.slice(0, 3))).toEqual([{ is: 'yours' }, { is: 'closed' }, { is: 'closed' }]);
  expect(await pace.turn('carry on')).toEqual({ is: 'closed' });
});

test('what carries on goes before what begins, which is sent away when it has waited as long as it may', async () => {
  const pace = createPace({ minIntervalMs: 40, maxWaitMs: 200 });
  await pace.turn('carry on');
  const order: string[] = [];
  const enter = async (who: string, lane: Lane) => order.push(`${who} ${(await pace.turn(lane)).is}`);
  const begun = [enter('first', 'begin'), enter('second', 'begin')];
  const others = (async () => {
    for (let n = 0; n < 10; n += 1) await Promise.all([enter('another', 'carry on'), pace.turn('carry on')]);
  })();
  await Promise.all([...begun, others]);
  expect(order.filter((one) => !one.startsWith('another'))).toEqual(['first full', 'second full']);
  expect(order.indexOf('another yours')).toBe(0);

  const free = enter('third', 'begin');
  await free;
  expect(order.at(-1)).toBe('third yours');
});

test('a request that finds the queue full says when to come back, and was not sent', async () => {
  await using server = await startScriptedServer((response) =>
    answer(response, 200, { data: { total_credits: 1, total_usage: 0 } }),
  );
  const client = clientOf(server.baseUrl, { minIntervalMs: 40_000 });
  await client.credits();
  const waiting = client.credits().catch(() => {});

  await expect(client.credits()).rejects.toMatchObject({
    code: 'KEYTURN_CONNECTION_BUSY',
    kind: 'transient',
    retryAfterMs: expect.closeTo(80_000, -3),
  });
  await client.close();
  await waiting;
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
