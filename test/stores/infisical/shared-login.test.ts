import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../stores/store.ts';
import { failureOf, openUnder, put, type Under } from './store-under-test.ts';

let under: Under;
beforeEach(async () => {
  under = await openUnder();
});
afterEach(() => under.close());

const logins = () => under.infisical.visits.filter(({ path }) => path.endsWith('/login')).length;
const read = (store: Store = under.store) => store.read(under.spot(), 'checkout');
const refuseTokens = () => {
  under.infisical.meanwhile = ({ path }) =>
    path.endsWith('/login')
      ? undefined
      : { status: 401, body: { reqId: 'req-1', error: 'UnauthorizedError', message: 'Invalid token' } };
};

describe('stores with one identity', () => {
  const others = async () => {
    under.infisical.world.folder('prod', '/other');
    under.infisical.world.folder('dev', '/payments');
    return [under.store, await under.another({ path: '/other' }), await under.another({ environment: 'dev' })];
  };

  test('have one token', async () => {
    await Promise.all((await others()).map(read));
    expect(logins()).toBe(1);
  });

  test('do not lock it out together: three wrong secrets in half a minute are too many, whoever sends them', async () => {
    under.credentials.SECRET = 'a wrong secret';
    const failures = [];
    for (const store of await others()) failures.push(await failureOf(read(store)));
    expect(logins()).toBe(1);
    expect(under.identity.lockedUntil).toBe(0);
    for (const { retryAfterMs = 0 } of failures) expect(retryAfterMs).toBeGreaterThan(50_000);
  });

  test('take a replaced secret at once, each as its own reference has it', async () => {
    under.credentials.SECRET = 'a wrong secret';
    const another = await under.another({}, { ID: under.identity.clientId, SECRET: under.identity.clientSecret });
    await failureOf(read());
    expect(await read(another)).toEqual({ kind: 'absent' });
    under.credentials.SECRET = under.identity.clientSecret;
    expect(await read()).toEqual({ kind: 'absent' });
    expect(logins()).toBe(2);
  });
});

describe('tokens with a limit of uses', () => {
  test('are counted after the first that was used up: no burst is refused', async () => {
    under.identity.tokenUses = 5;
    for (let n = 0; n < 6; n++) await read();
    const refusedBefore = under.infisical.visits.length;
    await Promise.all(Array.from({ length: 20 }, () => read()));
    // 20 reads and the logins for them; not one that came back refused and was asked again.
    expect(under.infisical.visits.length - refusedBefore).toBe(20 + 4);
  });

  test('of a single use still carry a whole write', async () => {
    under.identity.tokenUses = 1;
    const spot = under.spot();
    await put(under.store, spot, 'one', 'r1');
    expect(under.folder.secrets.get(spot.name)).toMatchObject({ value: 'sk-or-v1-one', version: 1 });
  });
});

describe('new tokens that are refused', () => {
  test('are not replaced with each request: a login is a use of the client secret, which may have a limit', async () => {
    refuseTokens();
    for (let n = 0; n < 20; n++) await failureOf(read());
    expect(logins()).toBe(1);
    under.time.pass(61_000);
    await failureOf(read());
    expect(logins()).toBe(2);
  });

  test('are replaced as before, once they were taken again', async () => {
    refuseTokens();
    await failureOf(read());
    under.infisical.meanwhile = null;
    await read();
    for (const token of under.infisical.world.tokens.values()) token.revoked = true;
    expect(await read()).toEqual({ kind: 'absent' });
    expect(logins()).toBe(2);
  });
});

describe('a server that is brought up to date, and back, while a worker runs', () => {
  test('is asked in the version that it has', async () => {
    const spot = under.spot();
    const { settings } = under.infisical.world;
    for (const [n, generation] of (['v3', 'v4', 'v3'] as const).entries()) {
      settings.generations = new Set([generation]);
      await Promise.all([read(), read(), read()]);
      await put(under.store, spot, `in-${n}`, `r${n}`);
      expect(under.valueOf(spot)).toBe(`sk-or-v1-in-${n}`);
    }
  });
});
