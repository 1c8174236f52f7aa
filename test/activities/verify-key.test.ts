import { expect, test } from 'vitest';
import type { Tools } from '../../activities/tools.ts';
import { verifyKey } from '../../activities/verify-key.ts';
import { fault, retryAfter } from '../../errors/keyturn-error.ts';
import { freshKeyring } from '../../keyring/keyring.ts';
import type { ManagementApi } from '../../openrouter/management-api.ts';
import { seal, sealingContext } from '../../secrets/seal.ts';
import { Secret } from '../../secrets/secret.ts';
import { aPolicy } from '../policy/life/states.ts';

const rateLimited = (ms: number) => retryAfter(fault('KEYTURN_OPENROUTER_RATE_LIMITED', 'try a key'), ms);

/** A key that is right; `GET /key` answers in turn what is given, then takes it. Answers the waits between. */
function verifying(answers: Error[]) {
  const keyring = freshKeyring();
  const { key } = aPolicy();
  const waits: number[] = [];
  let nowMs = 0;
  const made = { ...key, name: 'marker', disabled: false, expiresAt: null };
  const api = {
    getKey: async () => made,
    currentKey: async () => {
      const answer = answers.shift();
      if (answer !== undefined) throw answer;
      return { isManagementKey: false };
    },
  } as unknown as ManagementApi;
  const tools = {
    openrouter: async () => api,
    keyring,
    settings: { verify: { consecutive: 1, intervalMs: 3_000, deadlineMs: 60_000 }, reapLooksMs: [] },
    now: () => nowMs,
    wait: async (ms: number) => {
      waits.push(ms);
      nowMs += ms;
    },
  } as unknown as Tools;
  const of = { policy: 'demo', rotationId: 'r1' };
  const sealed = seal(keyring, new Secret('sk-or-v1-test'), sealingContext(of));
  const input = { ...of, connection: 'main', marker: 'marker', hash: 'hash', sealed, key, expiresAt: null };
  return { verify: () => verifyKey(tools)(input), waits };
}

test('a rate limit while a key is tried is waited for as long as it asks, not polled', async () => {
  const { verify, waits } = verifying([rateLimited(20_000), rateLimited(500)]);
  await expect(verify()).resolves.toEqual({ accepted: 1 });
  expect(waits).toEqual([20_000, 3_000]);
});

test('one that asks for more than is left of the time is left to Temporal, which holds no place while it waits', async () => {
  const { verify, waits } = verifying([rateLimited(90_000)]);
  await expect(verify()).rejects.toMatchObject({ code: 'KEYTURN_OPENROUTER_RATE_LIMITED', retryAfterMs: 90_000 });
  expect(waits).toEqual([]);
});

test('a key that is never accepted is given up at the deadline', async () => {
  const refused = Array.from({ length: 50 }, () => fault('KEYTURN_KEY_NOT_ACCEPTED', 'it answers 401'));
  await expect(verifying(refused).verify()).rejects.toMatchObject({ code: 'KEYTURN_KEY_NEVER_ACCEPTED' });
});
