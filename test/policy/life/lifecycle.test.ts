import { describe, expect, test } from 'vitest';
import { nextStep } from '../../../policy/life/lifecycle.ts';
import { newPolicyState, type PolicyState } from '../../../policy/life/state.ts';
import { statusOf } from '../../../policy/life/status.ts';
import * as after from '../../../policy/life/transitions.ts';
import { backoffMs } from '../../../policy/time/backoff.ts';
import { plus } from '../../../policy/time/instant.ts';
import { aPolicy, day, hour, minute, published, undone } from './states.ts';

const t0 = '2026-11-23T10:00:00.000Z';

/** A policy whose first key was published at t0 and whose next run is in 30 days. */
function withFirstKey(policy = aPolicy()): PolicyState {
  let state = after.afterApply(newPolicyState(policy.name), policy, t0, 'r1');
  state = after.afterRotation(after.afterStart(state), policy, published('r1', 1, { kind: 'first' }, t0), t0);
  return { ...state, next: { date: '2026-12-23', utc: plus(t0, 30 * day), local: '', timeZone: 'Europe/Berlin' } };
}

/** The same with a second key published at t0 + 1 h, so that the first is in grace. */
function withFormerKey(policy = aPolicy()): PolicyState {
  const now = plus(t0, hour);
  const state = withFirstKey(policy);
  const asked = published('r2', 2, { kind: 'requested', text: 'test' }, now);
  return { ...after.afterRotation(state, policy, asked, now), next: state.next };
}

describe('a rotation', () => {
  test('saving a policy again does not rotate', () => {
    const state = withFirstKey();
    const saved = after.afterApply(state, { ...aPolicy(), graceMs: 5 }, plus(t0, hour), 'r9');
    expect({ ...saved, next: state.next }.pending).toBeNull();
  });

  test('is not started a millisecond early', () => {
    const state = withFirstKey();
    expect(nextStep(state, plus(t0, 30 * day - 1))).toMatchObject({ do: 'sleep', until: plus(t0, 30 * day) });
    expect(nextStep(state, plus(t0, 30 * day))).toMatchObject({ do: 'rotate', reason: { kind: 'scheduled' } });
  });

  test('a pause and autoRotate: false stop the very next scheduled run, not one that was asked for', () => {
    const due = plus(t0, 31 * day);
    const paused = after.afterPause(withFirstKey(), 'audit', t0);
    const manual = withFirstKey(aPolicy({ autoRotate: false }));
    for (const state of [paused, manual]) {
      expect(nextStep(state, due)).toMatchObject({ do: 'sleep', until: null });
      const asked = after.afterRequest(state, { requestId: 'q', rotationId: 'r2', reason: 'x', endGrace: false }, due);
      expect(nextStep(asked, due)).toMatchObject({ do: 'rotate', reason: { kind: 'requested', text: 'x' } });
    }
  });

  test('a run that the pause stopped is not made up for on resume', () => {
    const resumed = after.afterResume(after.afterPause(withFirstKey(), null, t0), plus(t0, 40 * day));
    expect(resumed.next).toBeNull();
    expect(nextStep(resumed, plus(t0, 40 * day)).do).toBe('sleep');
  });

  test('the same request twice is one rotation, several requests that wait are one', () => {
    const ask = (state: PolicyState, requestId: string, rotationId: string) =>
      after.afterRequest(state, { requestId, rotationId, reason: requestId, endGrace: false }, t0);
    const state = ask(ask(ask(withFirstKey(), 'a', 'r2'), 'a', 'r3'), 'b', 'r4');
    expect(state.pending).toMatchObject({ rotationId: 'r2', reason: { text: 'a' } });
    expect(state.requests.map(({ rotationId }) => rotationId)).toEqual(['r2', 'r2']);
  });

  test('one asked for during another follows it, and survives its failure', () => {
    const policy = aPolicy();
    const started = after.afterStart(after.afterApply(newPolicyState('demo'), policy, t0, 'r1'));
    const asked = after.afterRequest(started, { requestId: 'q', rotationId: 'r2', reason: 'x', endGrace: false }, t0);
    const failed = after.afterRotation(asked, policy, undone('r1', { kind: 'first' }, t0), t0);
    expect(failed.pending?.rotationId).toBe('r2');
  });

  test('a failed one is tried again after a minute or so, not at the next interval, and keeps the old key', () => {
    const due = plus(t0, 30 * day);
    const failed = after.afterRotation(
      withFirstKey(),
      aPolicy(),
      undone('r2', { kind: 'scheduled', date: '2026-12-23' }, due),
      due,
    );
    expect(failed.current?.generation).toBe(1);
    const step = nextStep(failed, due);
    expect(step).toMatchObject({ do: 'sleep', because: 'try 2 of a rotation that failed' });
    expect(step.do === 'sleep' && step.until).toBe(plus(due, backoffMs('demo', 1)));
    expect(statusOf(failed, { running: null, stuck: null }, due)).toMatchObject({
      state: 'retrying',
      last: { event: 'undone', nextAttemptAt: plus(due, backoffMs('demo', 1)) },
    });
  });

  test('back-off doubles from a minute to six hours, and differs from policy to policy', () => {
    const waits = [1, 2, 3, 9, 10, 50].map((tries) => backoffMs('demo', tries));
    expect(waits.every((ms, n) => n === 0 || ms >= (waits[n - 1] ?? 0))).toBe(true);
    expect(waits[0]).toBeLessThanOrEqual(minute);
    expect(waits.at(-1)).toBeGreaterThan(4 * hour);
    expect(waits.at(-1)).toBeLessThanOrEqual(6 * hour);
    expect(new Set(['a', 'b', 'c', 'd'].map((name) => backoffMs(name, 5))).size).toBe(4);
  });

  test('a scheduled one counts from its scheduled date however late it ran, one on demand from its own', () => {
    const late = plus(t0, 33 * day);
    const scheduled = published('r2', 2, { kind: 'scheduled', date: '2026-12-23' }, late);
    expect(after.afterRotation(withFirstKey(), aPolicy(), scheduled, late).anchor).toEqual({ date: '2026-12-23' });
    const asked = published('r2', 2, { kind: 'requested', text: '' }, late);
    expect(after.afterRotation(withFirstKey(), aPolicy(), asked, late).anchor).toEqual({ at: late });
  });
});

describe('a former key', () => {
  test('is disabled after its grace and deleted after its quarantine', () => {
    const policy = aPolicy({ graceMs: hour, quarantineMs: day });
    let state = withFormerKey(policy);
    const graceEnd = plus(t0, 2 * hour);
    expect(nextStep(state, plus(graceEnd, -1))).toMatchObject({ do: 'sleep', until: graceEnd });
    const step = nextStep(state, graceEnd);
    expect(step).toMatchObject({ do: 'disable', key: { generation: 1 } });
    if (step.do !== 'disable') return;
    state = after.afterDisabled(state, step.key, policy.quarantineMs, '', graceEnd);
    expect(nextStep(state, plus(graceEnd, day - 1)).do).toBe('sleep');
    expect(nextStep(state, plus(graceEnd, day))).toMatchObject({ do: 'delete', key: { generation: 1 } });
  });

  test('in grace makes a request wait: three live keys are never made (I3)', () => {
    const now = plus(t0, 2 * hour);
    const request = { requestId: 'q', rotationId: 'r3', reason: 'x' };
    const waiting = after.afterRequest(withFormerKey(), { ...request, endGrace: false }, now);
    expect(nextStep(waiting, now)).toMatchObject({ do: 'sleep', until: plus(t0, 25 * hour) });
    expect(nextStep(waiting, plus(t0, 25 * hour)).do).toBe('disable');

    const ending = after.afterRequest(withFormerKey(), { ...request, endGrace: true }, now);
    expect(nextStep(ending, now)).toMatchObject({ do: 'disable', key: { generation: 1 } });
  });

  test('that cannot be disabled holds rotations back, unless only a fresh key can cure that', () => {
    const now = plus(t0, 25 * hour);
    const request = { requestId: 'q', rotationId: 'r3', reason: 'x', endGrace: false };
    const state = after.afterRequest(withFormerKey(), request, now);
    const [key] = state.retiring;
    if (key === undefined) throw new Error('no former key');
    const trouble = (code: string) => ({ code, kind: 'transient', message: '', remedy: '' });
    const down = after.afterRetirementBlocked(state, key, trouble('KEYTURN_OPENROUTER_UNAVAILABLE'), now);
    expect(nextStep(down, now).do).toBe('sleep');
    let needed = state;
    for (let tries = 1; tries <= 5; tries++) {
      expect(nextStep(needed, now).do).not.toBe('rotate');
      const [old = key] = needed.retiring;
      needed = after.afterRetirementBlocked(needed, old, trouble('KEYTURN_OLD_KEY_STILL_NEEDED'), now);
    }
    expect(nextStep(needed, now).do).toBe('rotate');
  });

  test('daily rotations with a 24 h grace keep their time of day', () => {
    const policy = aPolicy({ graceMs: 24 * hour });
    const state = withFormerKey(policy);
    const nextDay = plus(t0, 24 * hour);
    const daily = { ...state, next: { date: '2026-11-24', utc: nextDay, local: '', timeZone: 'UTC' } };
    expect(nextStep(daily, nextDay)).toMatchObject({ do: 'disable', key: { generation: 1 } });
    const long = withFormerKey(aPolicy({ graceMs: 40 * hour }));
    expect(nextStep({ ...long, next: daily.next }, nextDay)).toMatchObject({ do: 'sleep', until: plus(t0, 41 * hour) });
  });
});

describe('the end of a policy', () => {
  test('stores are emptied before any key is disabled (I2)', () => {
    const state = after.afterEnding(withFormerKey(), 'destroy', plus(t0, 2 * hour));
    const now = plus(t0, 2 * hour);
    expect(nextStep(state, now).do).toBe('clear-stores');
    expect(nextStep(after.afterStoresCleared(state, now), now).do).toBe('disable');
  });

  test('retire lets the last key live through its grace', () => {
    const state = after.afterEnding(withFirstKey(), 'retire', t0);
    expect(nextStep(state, t0)).toMatchObject({ do: 'sleep', until: plus(t0, 24 * hour) });
    expect(nextStep(state, plus(t0, 24 * hour)).do).toBe('clear-stores');
  });

  test('detach leaves keys and secrets as they are', () => {
    const state = after.afterEnding(withFormerKey(), 'detach', t0);
    expect(nextStep(state, plus(t0, 400 * day)).do).toBe('end');
  });
});

test('a key whose create was lost is looked for again, and the policy does not end before', () => {
  const lost = { ...undone('r2', { kind: 'requested', text: '' }, t0), lostMarkers: ['keyturn:demo:r2:1'] };
  let state = after.afterEnding(after.afterRotation(withFirstKey(), aPolicy(), lost, t0), 'detach', t0);
  const looks: number[] = [];
  for (let now = t0; ; ) {
    const step = nextStep(state, now);
    if (step.do === 'end') break;
    if (step.do === 'sleep') now = step.until ?? '';
    else if (step.do === 'sweep') {
      looks.push((Date.parse(now) - Date.parse(t0)) / minute);
      state = after.afterSweep(state, step.watched, false, now);
    } else throw new Error(step.do);
  }
  expect(looks).toEqual([10, 60, 24 * 60]);
});

test('no create follows two whose answers were lost before the first of them is looked for: a third key, and no fourth', () => {
  const reason = { kind: 'requested', text: '' } as const;
  const lost = { ...undone('r2', reason, t0), lostMarkers: ['keyturn:demo:r2:1', 'keyturn:demo:r2:2'] };
  const state = after.afterRotation(withFirstKey(), aPolicy(), lost, t0);
  const looked = plus(t0, 10 * minute);
  expect(state.history.at(-1)).toMatchObject({ event: 'undone', nextAttemptAt: looked });
  const asked = after.afterRequest(state, { requestId: 'q', rotationId: 'r3', reason: 'x', endGrace: true }, t0);
  expect(nextStep(asked, plus(t0, 5 * minute))).toMatchObject({ do: 'sleep', until: looked });

  const step = nextStep(asked, looked);
  if (step.do !== 'sweep') throw new Error(step.do);
  expect(nextStep(after.afterSweep(asked, step.watched, false, looked), looked).do).toBe('sweep');
  const both = state.watch.reduce((swept, watched) => after.afterSweep(swept, watched, false, looked), asked);
  expect(nextStep(both, looked)).toMatchObject({ do: 'rotate' });
});
