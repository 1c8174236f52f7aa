import { describe, expect, test } from 'vitest';
import { afterRotation, begun } from '../../../policy/life/duties/rotate.ts';
import type { Concluded } from '../../../policy/life/rotation.ts';
import { newPolicyState, type PolicyState } from '../../../policy/life/state.ts';
import { historyOf, leftBehind } from '../../../policy/life/status.ts';
import * as after from '../../../policy/life/transitions.ts';
import { plus } from '../../../policy/time/instant.ts';
import { aPolicy, carriedOut, day, hour, published, rotated, undone, whatNext } from './states.ts';

const t0 = '2026-11-23T10:00:00.000Z';
const due = plus(t0, 30 * day);
const farAway = { date: '2027-06-01', utc: plus(t0, 190 * day), local: '', timeZone: 'UTC' };

function withFirstKey(policy = aPolicy()): PolicyState {
  let state = after.afterApply(newPolicyState(policy.name), policy, t0, 'r1');
  state = rotated(state, published('r1', 1, { kind: 'first' }, t0), t0);
  return { ...state, next: { date: '2026-12-23', utc: due, local: '', timeZone: 'Europe/Berlin' }, confirmedRun: due };
}

describe('an apply', () => {
  test('that changes nothing changes nothing and records nothing, however often', () => {
    const state = withFirstKey();
    for (const now of [t0, due, plus(due, day)]) expect(after.afterApply(state, aPolicy(), now, 'r9')).toBe(state);
  });

  const replans = {
    'another time': aPolicy({ schedule: { ...aPolicy().schedule, at: '12:00' } }),
    'another interval': aPolicy({ schedule: { ...aPolicy().schedule, every: 7 } }),
    'another zone': aPolicy({ schedule: { ...aPolicy().schedule, timeZone: 'UTC' } }),
  };
  const others = { 'another limit': aPolicy({ key: { ...aPolicy().key, limit: 9 } }), grace: aPolicy({ graceMs: 5 }) };
  const moments = {
    'the due moment': due,
    'a millisecond after it': plus(due, 1),
    'an hour after it': plus(due, hour),
  };

  describe.each(Object.entries(moments))('at %s', (_, now) => {
    test.each(Object.entries({ ...replans, ...others }))('of %s does not lose the run', (_name, policy) => {
      const applied = after.afterApply(withFirstKey(), policy, now, 'r2');
      expect(whatNext(applied, now)).toMatchObject({
        do: 'rotate',
        what: { reason: { kind: 'scheduled', date: '2026-12-23' } },
      });
    });

    test('that turns autoRotate off stops the run, and on again counts from then', () => {
      const off = after.afterApply(withFirstKey(), aPolicy({ autoRotate: false }), now, 'r2');
      expect(whatNext(off, now).do).toBe('sleep');
      const on = after.afterApply(withFirstKey(aPolicy({ autoRotate: false })), aPolicy(), now, 'r2');
      expect(on.next).toBeNull();
      expect(whatNext(on, now).do).toBe('plan');
    });

    test('while paused wakes no run that the pause stopped', async () => {
      const paused = after.afterPause(withFirstKey(), null, t0);
      const applied = after.afterApply(paused, replans['another time'], now, 'r2');
      expect(applied.pending).toBeNull();
      const planned = await carriedOut(applied, now, { planRun: async () => ({ anchorDate: '', run: farAway }) });
      expect(whatNext(planned, now)).toMatchObject({ do: 'sleep', until: null });
    });
  });

  test('before the due moment keeps the next run where the schedule is as it was, and plans anew where not', () => {
    const now = plus(due, -1);
    const state = withFirstKey();
    for (const policy of Object.values(others))
      expect(after.afterApply(state, policy, now, 'r2').next).toBe(state.next);
    for (const policy of Object.values(replans)) {
      expect(after.afterApply(state, policy, now, 'r2')).toMatchObject({ next: null, pending: null });
    }
  });

  test('of another schedule while the run of a date is under way does not have that date run twice', () => {
    const underWay = { kind: 'scheduled', date: '2026-12-23' } as const;
    const applied = after.afterApply(begun(withFirstKey()), replans['another time'], due, 'r3', { underWay });
    expect(applied).toMatchObject({ pending: null, next: null });
    const { rotation, end } = undone('r2', underWay, due);
    expect(afterRotation(applied, rotation, end, due).pending).toMatchObject({ rotationId: 'r2.2', reason: underWay });
  });

  test('leaves a rotation that waits as it is', () => {
    const request = { requestId: 'q', rotationId: 'r2', reason: 'x', endGrace: false };
    const asked = after.afterRequest(withFirstKey(), request, due);
    expect(after.afterApply(asked, replans['another time'], due, 'r3').pending).toEqual(asked.pending);
  });
});

test('the last rotation of each outcome survives two hundred pauses, applies and revocations', () => {
  const failed = undone('r2', { kind: 'requested', text: '' }, plus(t0, hour));
  let state = rotated(withFirstKey(), failed, plus(t0, hour));
  const { lastRotations } = state;
  for (let n = 1; n <= 200; n++) {
    const now = plus(t0, n * 2 * hour);
    state = after.afterResume(after.afterPause(state, `pause ${n}`, now), now);
    state = after.afterApply(state, aPolicy({ graceMs: n }), now, 'r9');
  }
  expect(lastRotations).toMatchObject({ published: { rotationId: 'r1' }, undone: { rotationId: 'r2' } });
  expect(state.lastRotations).toEqual(lastRotations);
  expect(state.history.some(({ event }) => event === 'published' || event === 'undone')).toBe(false);
  expect(historyOf(state).slice(0, 2)).toEqual([lastRotations.published, lastRotations.undone]);
});

describe('a cancel', () => {
  test('while retiring keeps every key that is left, and the secret that was not yet taken out', () => {
    const retiring = after.afterEnding(withFirstKey(), 'retire', t0);
    const cancelled = after.afterCancel(retiring, plus(t0, hour));
    expect(cancelled.ending).toMatchObject({ mode: 'detach', clearedAt: null });
    expect(whatNext(cancelled, plus(t0, 400 * day)).do).toBe('end');
    expect(leftBehind(cancelled, plus(t0, hour))).toMatchObject({
      keys: [{ hash: 'hash-1', state: 'in grace' }],
      secrets: [{ store: 'local', secret: 'OPENROUTER_API_KEY' }],
    });
  });

  test('after the stores were emptied leaves no secret', async () => {
    const destroyed = after.afterEnding(withFirstKey(), 'destroy', t0);
    const cleared = await carriedOut(destroyed, t0, { removeSecret: async () => 'removed' });
    const cancelled = after.afterCancel(cleared, t0);
    expect(leftBehind(cancelled, t0)).toMatchObject({ keys: [{ hash: 'hash-1' }], secrets: [] });
  });

  test('before any key was published leaves no secret, whatever was withdrawn', () => {
    const { rotation, end } = undone('r1', { kind: 'first' }, t0);
    const key = { generation: 1, hash: 'hash-1', digest: 'digest-1' };
    const shown = { ...end, undoing: { rotationId: 'r1', key, isShown: true, steps: [] } } as Concluded;
    const applied = after.afterApply(newPolicyState('demo'), aPolicy(), t0, 'r1');
    const cancelled = after.afterCancel(rotated(applied, { rotation, end: shown }, t0), t0);
    expect(leftBehind(cancelled, t0)).toMatchObject({ keys: [{ hash: 'hash-1', state: 'in grace' }], secrets: [] });
  });

  test('twice is one, and drops a rotation that waits', () => {
    const request = { requestId: 'q', rotationId: 'r2', reason: 'x', endGrace: false };
    const cancelled = after.afterCancel(after.afterRequest(withFirstKey(), request, t0), t0);
    expect(cancelled.pending).toBeNull();
    expect(after.afterCancel(cancelled, plus(t0, day))).toBe(cancelled);
  });
});
