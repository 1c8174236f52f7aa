import { describe, expect, test } from 'vitest';
import { leftBehind, statusOf } from '../../policy/life/status.ts';
import { StepFailed } from '../../workflows/saga/steps.ts';
import { plainInjection } from './injections.ts';
import { type Mutation, undoesAtOnce } from './mutations.ts';
import { orphansIn } from './orphans.ts';
import { secretIn } from './plain-policy.ts';
import { type Scripted, scriptedWorld } from './scripted-world.ts';
import type { World } from './world.ts';

/** Somebody else's keys in the account (test/world/world.ts). */
const bystanders = 2;

const aSecond = 1_000;
const minute = 60 * aSecond;
const hour = 60 * minute;
const day = 24 * hour;

/** When the second rotation of the plain policy is due: 03:30 UTC of the day after the first. */
const secondRunMs = day + 3.5 * hour;

describe('a create whose request arrives late', () => {
  const arrivals = { 'within the patient minutes': 90_000, 'before the first look': 8 * minute };
  const later = { 'after the first look': 30 * minute, 'after the second': 5 * hour, 'before the last': 20 * hour };
  test.each(Object.entries({ ...arrivals, ...later }))('%s leaves no orphan', async (_, lateMs) => {
    const world = scriptedWorld({
      script: [{ step: 'createKey', injection: { ...plainInjection('hang'), lateMs }, fromMs: secondRunMs }],
    });
    await live(world, secondRunMs + lateMs + 2 * minute);
    const { rotations, entity } = world;
    expect(rotations().published).toBe(2);
    await world.clock.run(world.clock.wait(2 * day));
    expectSound(world);
    expect(entity.state().strays).toEqual([]);
  });

  test('is the third live key at most, and for less than a day', async () => {
    const lateMs = 70 * minute;
    const world = scriptedWorld({
      policy: { schedule: { every: 7, at: '03:30', timeZone: 'UTC' } },
      script: [{ step: 'createKey', injection: { ...plainInjection('crash before'), lateMs } }],
    });
    await live(world, lateMs + 10 * minute);
    expect(world.openrouter.live()).toHaveLength(2);
    expect(orphansIn(world)).toHaveLength(1);
    await world.clock.run(world.clock.wait(day));
    expect(world.invariants.mostLiveKeys).toBeLessThanOrEqual(3);
    expectSound(world);
  });
});

test('creates that are lost again and again and arrive within minutes make three live keys at most', async () => {
  const fault = { ...plainInjection('crash before'), lateMs: 8 * minute };
  const world = scriptedWorld({ script: [{ step: 'createKey', injection: fault, times: 7, fromMs: secondRunMs }] });
  await live(world, 2 * day);
  expectSound(world);
  expect(world.invariants.mostLiveKeys).toBe(3);
  expect(world.rotations().published).toBe(2);
});

test('a rotation that begins with a create in doubt sends one create only, so that no fourth key lives', async () => {
  const late = (lateMs: number) => ({ ...plainInjection('crash before'), lateMs });
  const askedMs = secondRunMs + 4 * minute;
  const world = scriptedWorld({
    script: [
      { step: 'createKey', injection: late(9 * minute), fromMs: secondRunMs },
      { step: 'createKey', injection: late(5 * minute), times: 2, fromMs: askedMs },
    ],
  });
  await live(world, askedMs);
  expect(world.rotations().published).toBe(2);
  const asked = { requestId: 'one', reason: 'now', endGrace: true };
  await world.clock.run(world.entity.send('rotate', asked));
  await world.clock.run(world.clock.wait(2 * day));
  expect(world.invariants.mostLiveKeys).toBe(3);
  expectSound(world);
});

test('a rotation that finds no turn left with its connection waits for one: a fleet due at one time fails nothing', async () => {
  const fault = { ...plainInjection('no turn'), retryAfterMs: 90 * aSecond };
  const world = scriptedWorld({ script: [{ step: 'createKey', injection: fault, times: 12, fromMs: secondRunMs }] });
  await live(world, secondRunMs + 17 * minute);
  expect(world.entity.rotating()).toBe(true);
  await world.clock.run(world.clock.wait(day));
  expectSound(world);
  expect(world.rotations()).toEqual({ begun: 3, published: 3 });
});

test('two creates in a row whose requests both arrive late leave no orphan', async () => {
  const fault = { ...plainInjection('crash before'), lateMs: 3 * hour };
  const world = scriptedWorld({ script: [{ step: 'createKey', injection: fault, times: 2, fromMs: secondRunMs }] });
  await live(world, 4 * day);
  expectSound(world);
  expect(world.rotations().published).toBe(4);
});

test('a write of a lost worker that lands after the undo changes nothing', async () => {
  const script: Scripted[] = [
    { step: 'storeSecret', injection: { ...plainInjection('crash before'), lateMs: 9 * hour }, fromMs: secondRunMs },
    {
      step: 'storeSecret',
      injection: plainInjection('429'),
      times: 600,
      untilMs: secondRunMs + 8 * hour + 10 * minute,
      fromMs: secondRunMs,
    },
  ];
  const world = scriptedWorld({ script });
  await live(world, secondRunMs + 8 * hour + 6 * minute);
  const [before] = world.stores.map((store) => store.valueOf('OPENROUTER_API_KEY'));
  expect(world.entity.state().history.at(-1)).toMatchObject({ event: 'undone' });
  expect(world.openrouter.keyOf(before ?? '')?.hash).toBe(world.entity.state().current?.hash);
  await world.clock.run(world.clock.wait(day));
  expectSound(world);
});

describe('a write that is lost and arrives half a minute later, in a store that takes any', () => {
  const lost = { ...plainInjection('crash before'), lateMs: 35 * aSecond, downMs: aSecond };
  async function undone(mutation?: Mutation) {
    const world = scriptedWorld({
      policy: { secret: secretIn('weak') },
      script: [{ step: 'storeSecret', injection: lost, fromMs: secondRunMs }],
      ...(mutation === undefined ? {} : { mutation }),
    });
    await live(world, secondRunMs);
    const [store] = world.stores;
    const before = store?.valueOf('OPENROUTER_API_KEY');
    while (!world.struck.get('storeSecret')?.get('crash before')) await world.clock.run(world.clock.wait(100));
    await world.clock.run(world.entity.cancel());
    await world.clock.run(world.clock.wait(10 * minute));
    return { kept: store?.valueOf('OPENROUTER_API_KEY') === before, world };
  }

  test('is undone after it has arrived', async () => {
    const { kept, world } = await undone();
    expect(kept).toBe(true);
    expectSound(world);
  });

  test('and would stay, if the undo did not wait', async () => {
    expect((await undone(undoesAtOnce)).kept).toBe(false);
  });
});

describe('a place that is not required', () => {
  test('and is down when a key is published gets it once it is up, and keeps the old key from being revoked until then', async () => {
    const world = scriptedWorld({ policy: { secret: secretIn('first', 'second?') } });
    await live(world, secondRunMs - hour);
    const [, second] = world.stores;
    const former = world.entity.state().current?.hash ?? '';
    if (second !== undefined) second.unavailableUntilMs = world.clock.now() + 10 * hour;
    await world.clock.run(world.clock.wait(9 * hour));
    expect(world.rotations().published).toBe(2);
    expect(world.entity.state().owed).toMatchObject([{ duty: 'fill' }]);
    expect(world.openrouter.keys.get(former)?.disabledAt).toBeNull();
    await world.clock.run(world.clock.wait(10 * hour));
    expect(world.openrouter.keyOf(second?.valueOf('OPENROUTER_API_KEY') ?? '')?.hash).toBe(
      world.entity.state().current?.hash,
    );
    expect(world.openrouter.keys.get(former)?.disabledAt).not.toBeNull();
    expectSound(world);
  });

  test('and stays down holds the old key back for as long as the policy says, and needs attention then', async () => {
    const policy = { autoRotate: false, secret: { ...secretIn('first', 'second?'), optionalWaitMs: 2 * day } };
    const world = scriptedWorld({ policy });
    await live(world, hour);
    const [, second] = world.stores;
    const former = world.entity.state().current?.hash ?? '';
    if (second !== undefined) second.unavailableUntilMs = world.clock.now() + 10 * day;
    await world.clock.run(world.entity.send('rotate', { requestId: 'one', reason: 'now' }));
    await world.clock.run(world.clock.wait(1.9 * day));
    const statusNow = () => statusOf(world.entity.state(), null, world.clock.instant());
    expect(world.openrouter.keys.get(former)?.disabledAt).toBeNull();
    expect(statusNow().state).toBe('sleeping');
    await world.clock.run(world.clock.wait(6 * hour));
    expect(world.openrouter.keys.get(former)?.disabledAt).not.toBeNull();
    expect(statusNow().attention[0]?.message).toContain('Cannot bring the current key to second:OPENROUTER_API_KEY');
  });
});

test('a place that apply adds gets the current key at once; one that it takes away keeps it, or is cleaned', async () => {
  const world = scriptedWorld({ policy: { secret: secretIn('first', 'cas', 'weak') } });
  const { clock, entity, stores } = world;
  const all = world.policy;
  const { places } = all.secret;
  const only = (...names: string[]) => {
    return { ...all, secret: { ...all.secret, places: places.filter(({ store }) => names.includes(store)) } };
  };
  await clock.run(entity.apply(only('first')).then(() => clock.wait(hour)));
  const held = () => stores.map((store) => store.valueOf('OPENROUTER_API_KEY'));
  const [key] = held();
  expect(held()).toEqual([key, null, null]);
  await clock.run(entity.apply(all).then(() => clock.wait(5 * minute)));
  expect(held()).toEqual([key, key, key]);
  expect(world.rotations().begun).toBe(1);
  await clock.run(entity.apply(only('first', 'weak')).then(() => clock.wait(5 * minute)));
  expect(held()).toEqual([key, key, key]);
  expect(entity.state().leaving).toEqual([]);
  expect(entity.state().history.at(-1)).toMatchObject({ event: 'vacated' });
});

test('a second store that fails for good puts the first one back', async () => {
  const world = scriptedWorld({ policy: { secret: secretIn('first', 'second') } });
  const [first, second] = world.stores;
  await live(world, day);
  const held = first?.valueOf('OPENROUTER_API_KEY');
  if (second !== undefined) second.unavailableUntilMs = world.clock.now() + 12 * hour;
  for (let waited = 0; waited < 11 * hour; waited += minute) {
    await world.clock.run(world.clock.wait(minute));
    if (!world.entity.rotating()) expect(first?.valueOf('OPENROUTER_API_KEY')).toBe(held);
  }
  expect(world.rotations().begun).toBeGreaterThan(1);
  await world.clock.run(world.clock.wait(day));
  expect(world.rotations().published).toBeGreaterThan(1);
  expectSound(world);
});

test('a second store that is down for an hour costs no key: the rotation waits, and no reader holds a dead one', async () => {
  const world = scriptedWorld({ policy: { secret: secretIn('first', 'second') } });
  await live(world, day);
  const [, second] = world.stores;
  if (second !== undefined) second.unavailableUntilMs = day + world.clock.now();
  await world.clock.run(world.clock.wait(3.5 * hour + 5 * minute));
  expect(world.entity.rotating()).toBe(true);
  if (second !== undefined) second.unavailableUntilMs = world.clock.now() + 55 * minute;
  await world.clock.run(world.clock.wait(day));
  expect(world.entity.state().history.map(({ event }) => event)).not.toContain('undone');
  expect(world.openrouter.keys.size - bystanders).toBe(3);
  expectSound(world);
});

test('a key that a store has shown before its rotation was undone works on for a grace', async () => {
  const secret = secretIn('first', 'second');
  const world = scriptedWorld({ policy: { secret, graceMs: 3 * hour } });
  const [first, second] = world.stores;
  await live(world, secondRunMs);
  const before = first?.valueOf(secret.name);
  while (first?.valueOf(secret.name) === before) await world.clock.run(world.clock.wait(10));
  if (second !== undefined) second.unavailableUntilMs = world.clock.now() + 8.2 * hour;
  const withdrawnNow = () => world.entity.state().retiring.find((key) => key.withdrawn);
  while (withdrawnNow() === undefined) await world.clock.run(world.clock.wait(aSecond));
  expect(first?.valueOf(secret.name)).toBe(before);
  const withdrawn = withdrawnNow();
  expect(withdrawn).toMatchObject({ disabledAt: null });
  await world.clock.run(world.clock.wait(day));
  expect(world.openrouter.live().map(({ hash }) => hash)).not.toContain(withdrawn?.hash);
  expect(world.invariants.mostLiveKeys).toBeLessThanOrEqual(3);
  expectSound(world);
});

test('a policy whose stores never show a value revokes a former key only while the new one works', async () => {
  const world = scriptedWorld({ policy: { secret: secretIn('blind') } });
  await live(world, secondRunMs + 10 * minute);
  const { current, retiring, places } = world.entity.state();
  expect(places).toMatchObject([{ store: 'blind', holds: { verdict: 'unverified' } }]);
  world.invariants.tampered();
  world.openrouter.delete(current?.hash ?? '', { by: 'outside' });
  await world.clock.run(world.clock.wait(5 * hour));
  expect(world.openrouter.keys.get(retiring[0]?.hash ?? '')?.disabledAt).toBeNull();
  expect(world.entity.state().owed[0]?.fault.code).toBe('KEYTURN_OLD_KEY_STILL_NEEDED');
});

test('a key that somebody put back into a store while its policy is deleted is not disabled', async () => {
  const world = scriptedWorld({ policy: { graceMs: 3 * hour } });
  await live(world, day);
  const hash = world.entity.state().current?.hash ?? '';
  const { secret = '' } = world.openrouter.keys.get(hash) ?? {};
  await world.clock.run(world.entity.send('endPolicy', { mode: 'retire' }));
  const [store] = world.stores;
  while (store?.valueOf('OPENROUTER_API_KEY') !== null) await world.clock.run(world.clock.wait(10));
  store.tamper('OPENROUTER_API_KEY', secret);
  await world.clock.run(world.clock.wait(2 * hour));
  expect(world.openrouter.keys.get(hash)?.disabledAt).toBeNull();
  expect(world.entity.state().owed.map(({ fault }) => fault.code)).toContain('KEYTURN_OLD_KEY_STILL_NEEDED');
});

test('time zone rules that change while a policy sleeps never make it rotate early', async () => {
  const startMs = Date.UTC(2026, 0, 1);
  const rules = { fromMs: startMs + secondRunMs - hour, shiftMs: hour };
  const world = scriptedWorld({ startMs, rules });
  await live(world, secondRunMs + 30 * minute);
  expect(world.rotations().begun).toBe(1);
  await world.clock.run(world.clock.wait(45 * minute));
  expect(world.rotations().published).toBe(2);
  expectSound(world);
});

describe('a workflow that is cancelled', () => {
  const moments = Array.from({ length: 40 }, (_, n) => secondRunMs - 2 * aSecond + n * 4 * aSecond);
  test.each(moments)('%i ms after its start ends as detached, and says which keys it leaves', async (atMs) => {
    const world = scriptedWorld({ policy: { secret: secretIn('first', 'second') } });
    await live(world, atMs);
    await world.clock.run(world.entity.cancel());
    await world.clock.run(world.clock.wait(10 * minute));
    expect(world.entity.rotating()).toBe(false);
    await world.clock.run(world.entity.ended);
    const left = leftBehind(world.entity.state(), world.clock.instant());
    const living = left.keys.filter(({ state }) => state !== 'quarantined').map(({ hash }) => hash);
    expect(
      world.openrouter
        .live()
        .map(({ hash }) => hash)
        .sort(),
    ).toEqual(living.sort());
    expect(left.secrets.map(({ store }) => store)).toEqual(['first', 'second']);
    expect(world.entity.state().history.at(-1)?.event).toMatch(/ending|undone|published|removed/);
    expectSound(world);
  });

  test('does not wait for a store that is down', async () => {
    const world = scriptedWorld({});
    await live(world, day);
    for (const store of world.stores) store.unavailableUntilMs = world.clock.now() + 6 * hour;
    await world.clock.run(world.clock.wait(3.5 * hour + 10 * minute));
    expect(world.entity.rotating()).toBe(true);
    await world.clock.run(world.entity.cancel());
    await world.clock.run(Promise.race([world.entity.ended, world.clock.wait(10 * minute)]));
    expect(world.entity.rotating()).toBe(false);
  });
});

test('a policy that is deleted in the middle of a rotation leaves no live key and no secret', async () => {
  for (const mode of ['retire', 'destroy'] as const) {
    const world = scriptedWorld({});
    await live(world, secondRunMs + 30_000);
    expect(world.entity.rotating()).toBe(true);
    await world.clock.run(world.entity.send('endPolicy', { mode }));
    await world.clock.run(world.entity.ended);
    expect(world.openrouter.live()).toEqual([]);
    expect(world.stores.map((store) => store.valueOf('OPENROUTER_API_KEY'))).toEqual([null]);
    expectSound(world);
  }
});

test('an outage that answers 401 to every key does not let a third key be made', async () => {
  const world = scriptedWorld({});
  const { clock, entity, openrouter } = world;
  await live(world, secondRunMs + 10 * minute);
  // It begins before the former key is to be disabled, and ends between two tries to do so.
  openrouter.outage = { kind: '401', untilMs: Number.POSITIVE_INFINITY };
  while ((entity.state().owed[0]?.tries ?? 0) < 3) await clock.run(clock.wait(aSecond));
  openrouter.outage = { kind: '401', untilMs: 0 };
  await clock.run(entity.send('rotate', { requestId: 'one', reason: 'now' }));
  await clock.run(clock.wait(2 * day));
  expect(world.invariants.mostLiveKeys).toBe(2);
  expect(world.rotations().published).toBe(5);
  expectSound(world);
});

test('an error that nobody expected, after the key was made, leaves no orphan', async () => {
  const world = scriptedWorld({
    mutation: {
      steps: (steps) => ({
        ...steps,
        createKey: async (input) => {
          const created = await steps.createKey(input);
          if (input.marker.endsWith(':2')) return created;
          throw new StepFailed({ code: 'KEYTURN_INTERNAL', kind: 'terminal', message: 'a defect', remedy: '' });
        },
      }),
    },
  });
  await live(world, 2 * day);
  expect(world.rotations().published).toBe(2);
  expect(orphansIn(world)).toEqual([]);
});

test('a pause that comes while a rotation is under way does not stop it, and stops the next', async () => {
  const world = scriptedWorld({});
  await live(world, secondRunMs + 30_000);
  expect(world.entity.rotating()).toBe(true);
  await world.clock.run(world.entity.send('pause'));
  await world.clock.run(world.clock.wait(5 * day));
  expect(world.rotations()).toEqual({ begun: 2, published: 2 });
  expectSound(world);
});

test('a worker that is away for three days makes up for one rotation', async () => {
  const away = { ...plainInjection('crash after'), downMs: 3 * day };
  const world = scriptedWorld({ script: [{ step: 'deleteKey', injection: away, fromMs: secondRunMs }] });
  await live(world, secondRunMs + 3 * day + 12 * hour);
  expect(world.rotations().published).toBe(3);
  expectSound(world);
});

test('a key deleted behind our back is replaced by the next rotation', async () => {
  const world = scriptedWorld({});
  await live(world, day);
  world.invariants.tampered();
  world.openrouter.delete(world.entity.state().current?.hash ?? '', { by: 'outside' });
  await world.clock.run(world.clock.wait(2 * day));
  const [held] = world.stores.map((store) => store.valueOf('OPENROUTER_API_KEY') ?? '');
  expect(world.openrouter.live().map(({ secret }) => secret)).toContain(held);
  expectSound(world);
});

test('a former key that somebody put back into a store is not disabled', async () => {
  const world = scriptedWorld({});
  await live(world, secondRunMs + 10 * minute);
  const [former] = world.entity.state().retiring;
  const secret = world.openrouter.keys.get(former?.hash ?? '')?.secret ?? '';
  world.invariants.tampered();
  world.stores[0]?.tamper('OPENROUTER_API_KEY', secret);
  await world.clock.run(world.clock.wait(12 * hour));
  expect(world.openrouter.keyOf(secret)?.disabledAt).toBeNull();
  expect(world.entity.state().owed[0]?.fault.code).toBe('KEYTURN_OLD_KEY_STILL_NEEDED');
  await world.clock.run(world.clock.wait(2 * day));
  expect(world.openrouter.keyOf(secret)?.disabledAt).not.toBeNull();
  expectSound(world);
});

async function live(world: World, ms: number): Promise<void> {
  await world.clock.run(world.entity.apply(world.policy).then(() => world.clock.wait(ms)));
}

function expectSound(world: World): void {
  world.invariants.close();
  expect(world.invariants.broken).toEqual([]);
  expect(world.invariants.secondsWithoutValidKey).toBe(0);
  expect(orphansIn(world)).toEqual([]);
}
