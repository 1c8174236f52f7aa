import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Spot } from '../../../stores/store.ts';
import { failureOf, openUnder, put, type Under, undo, value, writer } from './store-under-test.ts';

let under: Under;
let spot: Spot;
beforeEach(async () => {
  under = await openUnder();
  spot = under.spot();
  await put(under.store, spot, 'old', 'r1');
});
afterEach(() => under.close());

const looks = () => under.infisical.visits.filter(({ method }) => method === 'GET').length;
/** A limit counts by minutes of the clock. */
const nextMinute = () => under.time.pass(60_000 - (under.time.now() % 60_000));

test('an undo that a rate limit ends goes on where it was: many that begin anew together would never end', async () => {
  const before = await under.store.capture(spot, writer('r2'));
  nextMinute();
  under.infisical.world.settings.perMinute = 4;
  const { code, retryAfterMs = 0 } = await failureOf(undo(under.store, spot, before, 'new', 'r2'));
  expect(code).toBe('KEYTURN_STORE_UNAVAILABLE');
  expect(retryAfterMs).toBeGreaterThan(40_000);
  under.time.pass(retryAfterMs);
  const already = looks();
  const undone = await undo(under.store, spot, before, 'new', 'r2');
  expect(undone).toEqual({ end: 'restored', shown: false, approval: null });
  expect(looks() - already).toBeLessThanOrEqual(2);
});

test('an undo that nothing ends looks a few times, not twice a second: all looks count', async () => {
  const before = await under.store.capture(spot, writer('r2'));
  const already = looks();
  const began = under.time.now();
  await undo(under.store, spot, before, 'new', 'r2');
  expect(under.time.now() - began).toBeGreaterThanOrEqual(under.store.promises.readsLagMs);
  expect(looks() - already).toBeLessThanOrEqual(9);
});

test('a write whose answer is doubtful, and that a rate limit keeps from being looked for, is not sent again', async () => {
  const { infisical, store } = under;
  const before = await store.capture(spot, writer('r2'));
  const sent = infisical.changes().length;
  infisical.next({ do: '500 after the commit' });
  infisical.meanwhile = ({ method }) => {
    if (method === 'GET' && infisical.changes().length > sent) infisical.world.settings.perMinute = 0;
    return undefined;
  };
  const write = () => store.write(spot, value('new'), writer('r2'), before.memento);
  expect((await failureOf(write())).message).toContain('429');
  infisical.meanwhile = null;
  infisical.world.settings.perMinute = Number.POSITIVE_INFINITY;
  await write();
  expect(infisical.changes()).toHaveLength(sent + 1);
  expect(under.folder.secrets.get(spot.name)).toMatchObject({ value: 'sk-or-v1-new', version: 2 });
});
