import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Spot } from '../../../stores/store.ts';
import { failureOf, openUnder, put, type Under, value, writer } from './store-under-test.ts';

let under: Under;
let spot: Spot;
beforeEach(async () => {
  under = await openUnder();
  spot = under.spot();
});
afterEach(() => under.close());

const logins = () => under.infisical.visits.filter(({ path }) => path.endsWith('/login')).length;
const read = () => under.store.read(spot, 'checkout');
const expireAll = () => {
  for (const token of under.infisical.world.tokens.values()) token.expiresAt = 0;
};

describe('one token', () => {
  test('is shared by all who ask at once', async () => {
    await Promise.all(Array.from({ length: 20 }, read));
    expect(logins()).toBe(1);
  });

  test('is replaced when four fifths of its life are over, before it is refused', async () => {
    under.identity.tokenLifeSeconds = 1_000;
    await read();
    under.time.pass(790_000);
    await read();
    expect(logins()).toBe(1);
    under.time.pass(20_000);
    await read();
    expect(logins()).toBe(2);
  });

  test('that is used up is replaced, in the middle of a write too', async () => {
    under.identity.tokenUses = 1;
    await put(under.store, spot, 'one', 'r1');
    await put(under.store, spot, 'two', 'r2');
    expect(under.valueOf(spot)).toBe('sk-or-v1-two');
    expect(under.folder.secrets.get(spot.name)?.version).toBe(2);
  });

  for (const status of [403, 401] as const) {
    test(`that has expired (${status}) is replaced once, for reads and for a write on its way`, async () => {
      under.infisical.world.settings.expiredTokenIs = status;
      await read();
      expireAll();
      await Promise.all([read(), read(), read()]);
      expect(logins()).toBe(2);
      const before = await under.store.capture(spot, writer('r1'));
      // Right before the write arrives.
      under.infisical.meanwhile = ({ method }) => {
        if (method !== 'POST') return undefined;
        under.infisical.meanwhile = null;
        expireAll();
        return undefined;
      };
      await under.store.write(spot, value('one'), writer('r1'), before.memento);
      expect(under.folder.secrets.get(spot.name)).toMatchObject({ value: 'sk-or-v1-one', version: 1 });
      expect(logins()).toBe(3);
    });
  }

  test('that is refused again is not asked for a third time', async () => {
    await read();
    under.infisical.meanwhile = ({ path }) =>
      path.endsWith('/login') ? undefined : { status: 401, body: { reqId: 'req-1', error: 'UnauthorizedError' } };
    const failure = await failureOf(read());
    expect(failure).toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE', kind: 'transient' });
    expect(failure.message).toContain('does not accept its token (401 UnauthorizedError, req-1)');
    expect(logins()).toBe(2);
  });
});

describe('a login that is refused', () => {
  test('is not tried again quickly: three would lock the identity out', async () => {
    under.credentials.SECRET = 'a wrong secret';
    const failure = await failureOf(read());
    expect(failure).toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE', retryAfterMs: 60_000 });
    for (let n = 0; n < 10; n++) await failureOf(read());
    expect(logins()).toBe(1);
    under.time.pass(61_000);
    await failureOf(read());
    expect(logins()).toBe(2);
    expect(under.identity.lockedUntil).toBe(0);
  });

  test('is tried at once with a secret that was replaced, without a restart', async () => {
    under.credentials.SECRET = 'a wrong secret';
    await failureOf(read());
    under.credentials.SECRET = `${under.identity.clientSecret}\n`;
    expect(await read()).toEqual({ kind: 'absent' });
  });

  test('because others have locked the identity out waits until that is over', async () => {
    under.identity.lockedUntil = under.time.now() + 250_000;
    const failure = await failureOf(read());
    expect(failure.retryAfterMs).toBe(300_000);
    under.time.pass(301_000);
    expect(await read()).toEqual({ kind: 'absent' });
  });
});

describe('a token of its own', () => {
  const auth = { token: { env: 'TOKEN' } };

  test('is read anew each time, and one that was replaced meanwhile is taken at once', async () => {
    await read();
    const [valid = ''] = under.infisical.world.tokens.keys();
    const credentials = { TOKEN: valid };
    const store = await under.another({ auth }, credentials);
    expect(await store.read(spot, 'checkout')).toEqual({ kind: 'absent' });
    credentials.TOKEN = 'of-nobody';
    expect((await failureOf(store.read(spot, 'checkout'))).message).toContain('does not accept its token');
    credentials.TOKEN = ` ${valid}\n`;
    expect(await store.read(spot, 'checkout')).toEqual({ kind: 'absent' });
    expect(logins()).toBe(1);
  });
});

describe('a rate limit by minute', () => {
  test('is waited for as long as the text says, since nothing says it of the headers', async () => {
    await read();
    under.infisical.world.settings.perMinute = 0;
    const failure = await failureOf(read());
    expect(failure.code).toBe('KEYTURN_STORE_UNAVAILABLE');
    const seconds = 60 - Math.floor((under.time.now() % 60_000) / 1000);
    expect(Math.abs((failure.retryAfterMs ?? 0) - seconds * 1000)).toBeLessThanOrEqual(1_000);
  });

  test('is waited for as the header says, where there is one', async () => {
    under.infisical.world.settings.perMinute = 0;
    under.infisical.world.settings.retryAfterHeader = true;
    const { retryAfterMs } = await failureOf(read());
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  test('that meets the write itself has changed nothing, and the next minute it goes through', async () => {
    const before = await under.store.capture(spot, writer('r1'));
    under.infisical.next({
      do: 'answer',
      answer: { status: 429, body: { message: 'Rate limit exceeded. Please try again in 42 seconds' } },
    });
    const write = () => under.store.write(spot, value('one'), writer('r1'), before.memento);
    expect((await failureOf(write())).retryAfterMs).toBe(42_000);
    expect(under.valueOf(spot)).toBeNull();
    under.time.pass(42_000);
    await write();
    expect(under.folder.secrets.get(spot.name)?.version).toBe(1);
  });
});

test('a server that is down is unavailable, for as long as it is', async () => {
  await under.infisical.close();
  expect(await failureOf(read())).toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE', kind: 'transient' });
  await under.store.close?.();
  under = await openUnder();
});
