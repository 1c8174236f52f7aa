import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import type { KeyturnError } from '../../errors/keyturn-error.ts';
import type { Pauses } from '../../worker/pauses.ts';
import { resumable, temporalTurns } from '../../worker/turns.ts';

const calm: Pauses = { begin: async () => {}, leftMs: async () => 0, tend: async () => {}, isKnown: () => false };
/** Asked by nobody here but the environment itself. */
const client = { withAbortSignal: (_: unknown, work: () => unknown) => work() } as unknown as Client;
const request = (path: string, method = 'GET') => ({ method, path });
const notSent = { code: 'KEYTURN_NOT_SENT', kind: 'transient' };

/** One attempt of a step, with what Temporal kept of the one before; answers what it keeps now. */
async function attempt<Result>(step: () => Promise<Result>, kept: unknown = undefined) {
  const environment = new MockActivityEnvironment({ heartbeatDetails: kept }, { client });
  let details = kept;
  environment.on('heartbeat', (told) => {
    details = told;
  });
  const ended: { result?: Result; error?: KeyturnError } = await environment.run(step).then(
    (result) => ({ result: result as Result }),
    (error) => ({ error }),
  );
  return { ...ended, details };
}

test('a step sends one request a turn, and is told in the next one what it asked before', async () => {
  const sent: string[] = [];
  const turns = temporalTurns('main', calm);
  const ask = (path: string) => turns.inTurn(request(path), async () => sent.push(path));
  const scan = async () => {
    const page = () => ask('/keys');
    const found = await resumable.once('scan', async () => [await page(), await page()]);
    await resumable.giveWay(5_000);
    return [...found, await page()];
  };
  const ends: unknown[] = [];
  let kept: unknown;
  for (let n = 0; n < 4; n += 1) {
    const { details, ...ended } = await attempt(scan, kept);
    kept = details;
    ends.push(ended.error?.retryAfterMs ?? ended.result);
  }
  expect(ends).toEqual([1, 5_000, [1, 2, 3], [1, 2, 4]]);
  expect(sent).toEqual(['/keys', '/keys', '/keys', '/keys']);
});

test('the answer to a create is kept nowhere: it is a secret', async () => {
  const turns = temporalTurns('main', calm);
  const { error, details } = await attempt(async () => {
    await turns.inTurn(request('/keys', 'POST'), async () => 'sk-or-v1-secret');
    await turns.inTurn(request('/keys'), async () => []);
  });
  expect(error).toMatchObject(notSent);
  expect(details).toBeUndefined();
});

test('a step that goes another way than before asks anew', async () => {
  const turns = temporalTurns('main', calm);
  const ask = (path: string) => turns.inTurn(request(path), async () => path);
  const { details } = await attempt(async () => [await ask('/a'), await ask('/b')]);
  const other = await attempt(async () => [await ask('/c'), await ask('/a')], details);
  expect(other.error).toMatchObject(notSent);
});

test.each([
  ['a pause', { ...calm, leftMs: async () => 3_000 }, false, 3_000],
  ['a shutdown', calm, true, 1_000],
])('a create that was handed out before %s is not sent, and is not in doubt', async (_, pauses, stops, againInMs) => {
  const environment = new MockActivityEnvironment({}, { client });
  if (stops) environment.cancel('WORKER_SHUTDOWN');
  let sent = 0;
  const create = () => temporalTurns('main', pauses).inTurn(request('/keys', 'POST'), async () => ++sent);
  await expect(environment.run(create)).rejects.toMatchObject({ ...notSent, retryAfterMs: againInMs });
  expect(sent).toBe(0);
});
