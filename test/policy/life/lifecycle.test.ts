import { describe, expect, test } from 'vitest';
import { afterRotation, begun } from '../../../policy/life/duties/rotate.ts';
import type { Concluded } from '../../../policy/life/rotation.ts';
import { newPolicyState, type PolicyState, type Undoing } from '../../../policy/life/state.ts';
import { leftBehind, statusOf } from '../../../policy/life/status.ts';
import * as after from '../../../policy/life/transitions.ts';
import { backoffMs } from '../../../policy/time/backoff.ts';
import { plus } from '../../../policy/time/instant.ts';
import { aPolicy, carriedOut, day, failing, hour, minute, published, rotated, undone, whatNext } from './states.ts';

const t0 = '2026-11-23T10:00:00.000Z';

/** A policy whose first key was published at t0 and whose next run is in 30 days. */
function withFirstKey(policy = aPolicy()): PolicyState {
  let state = after.afterApply(newPolicyState(policy.name), policy, t0, 'r1');
  state = rotated(state, published('r1', 1, { kind: 'first' }, t0), t0);
  const utc = plus(t0, 30 * day);
  return { ...state, next: { date: '2026-12-23', utc, local: '', timeZone: 'Europe/Berlin' }, confirmedRun: utc };
}

/** The same with a second key published at t0 + 1 h, so that the first is in grace. */
function withFormerKey(policy = aPolicy()): PolicyState {
  const now = plus(t0, hour);
  const state = withFirstKey(policy);
  const asked = published('r2', 2, { kind: 'requested', text: 'test' }, now);
  return { ...rotated(state, asked, now), next: state.next };
}

describe('a rotation', () => {
  test('saving a policy again does not rotate', () => {
    const state = withFirstKey();
    const saved = after.afterApply(state, { ...aPolicy(), graceMs: 5 }, plus(t0, hour), 'r9');
    expect({ ...saved, next: state.next }.pending).toBeNull();
  });

  test('is not started a millisecond early', () => {
    const state = withFirstKey();
    expect(whatNext(state, plus(t0, 30 * day - 1))).toMatchObject({ do: 'sleep', until: plus(t0, 30 * day) });
    expect(whatNext(state, plus(t0, 30 * day))).toMatchObject({
      do: 'rotate',
      what: { reason: { kind: 'scheduled' } },
    });
  });

  test('a pause and autoRotate: false stop the very next scheduled run, not one that was asked for', () => {
    const due = plus(t0, 31 * day);
    const paused = after.afterPause(withFirstKey(), 'audit', t0);
    const manual = withFirstKey(aPolicy({ autoRotate: false }));
    for (const state of [paused, manual]) {
      expect(whatNext(state, due)).toMatchObject({ do: 'sleep', until: null });
      const asked = after.afterRequest(state, { requestId: 'q', rotationId: 'r2', reason: 'x', endGrace: false }, due);
      expect(whatNext(asked, due)).toMatchObject({ do: 'rotate', what: { reason: { kind: 'requested', text: 'x' } } });
    }
  });

  test('a run that the pause stopped is not made up for on resume', () => {
    const resumed = after.afterResume(after.afterPause(withFirstKey(), null, t0), plus(t0, 40 * day));
    expect(resumed.next).toBeNull();
    expect(whatNext(resumed, plus(t0, 40 * day)).do).toBe('plan');
  });

  test('the same request twice is one rotation, several requests that wait are one', () => {
    const ask = (state: PolicyState, requestId: string, rotationId: string) =>
      after.afterRequest(state, { requestId, rotationId, reason: requestId, endGrace: false }, t0);
    const state = ask(ask(ask(withFirstKey(), 'a', 'r2'), 'a', 'r3'), 'b', 'r4');
    expect(state.pending).toMatchObject({ rotationId: 'r2', reason: { text: 'a' } });
    expect(state.requests.map(({ rotationId }) => rotationId)).toEqual(['r2', 'r2']);
  });

  test('one asked for during another follows it, and survives its failure', () => {
    const started = begun(after.afterApply(newPolicyState('demo'), aPolicy(), t0, 'r1'));
    const asked = after.afterRequest(started, { requestId: 'q', rotationId: 'r2', reason: 'x', endGrace: false }, t0);
    const { rotation, end } = undone('r1', { kind: 'first' }, t0);
    const failed = afterRotation(asked, rotation, end, t0);
    expect(failed.owed).toEqual([]);
    expect(failed.pending?.rotationId).toBe('r2');
  });

  test('a failed one is tried again after a minute or so, not at the next interval, and keeps the old key', () => {
    const due = plus(t0, 30 * day);
    const failed = rotated(withFirstKey(), undone('r2', { kind: 'scheduled', date: '2026-12-23' }, due), due);
    expect(failed.current?.generation).toBe(1);
    const step = whatNext(failed, due);
    expect(step).toMatchObject({ do: 'sleep', because: 'try 2 of a rotation that failed' });
    expect(step).toHaveProperty('until', plus(due, backoffMs('demo', 1)));
    expect(statusOf(failed, null, due)).toMatchObject({
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
    expect(rotated(withFirstKey(), scheduled, late).anchor).toEqual({ date: '2026-12-23' });
    const asked = published('r2', 2, { kind: 'requested', text: '' }, late);
    expect(rotated(withFirstKey(), asked, late).anchor).toEqual({ at: late });
  });
});

describe('a former key', () => {
  test('is disabled after its grace and deleted after its quarantine', async () => {
    const policy = aPolicy({ graceMs: hour, quarantineMs: day });
    let state = withFormerKey(policy);
    const graceEnd = plus(t0, 2 * hour);
    expect(whatNext(state, plus(graceEnd, -1))).toMatchObject({ do: 'sleep', until: graceEnd });
    expect(whatNext(state, graceEnd)).toMatchObject({ do: 'disable', what: { generation: 1 } });
    state = await carriedOut(state, graceEnd, { disableKey: async () => ({ gone: false }) });
    expect(whatNext(state, plus(graceEnd, day - 1)).do).toBe('sleep');
    expect(whatNext(state, plus(graceEnd, day))).toMatchObject({ do: 'delete', what: { generation: 1 } });
  });

  test('in grace makes a request wait: three live keys are never made (I3)', () => {
    const now = plus(t0, 2 * hour);
    const request = { requestId: 'q', rotationId: 'r3', reason: 'x' };
    const waiting = after.afterRequest(withFormerKey(), { ...request, endGrace: false }, now);
    expect(whatNext(waiting, now)).toMatchObject({ do: 'sleep', until: plus(t0, 25 * hour) });
    expect(whatNext(waiting, plus(t0, 25 * hour)).do).toBe('disable');

    const ending = after.afterRequest(withFormerKey(), { ...request, endGrace: true }, now);
    expect(whatNext(ending, now)).toMatchObject({ do: 'disable', what: { generation: 1 } });
  });

  test('that cannot be disabled holds rotations back, unless only a fresh key can cure that', async () => {
    const now = plus(t0, 25 * hour);
    const request = { requestId: 'q', rotationId: 'r3', reason: 'x', endGrace: false };
    const state = after.afterRequest(withFormerKey(), request, now);
    const down = await carriedOut(state, now, { disableKey: failing('KEYTURN_OPENROUTER_UNAVAILABLE') });
    expect(whatNext(down, now).do).toBe('sleep');
    let [needed, at] = [state, now];
    for (let tries = 1; tries <= 5; tries++) {
      expect(whatNext(needed, at).do).toBe('disable');
      needed = await carriedOut(needed, at, { disableKey: failing('KEYTURN_OLD_KEY_STILL_NEEDED') });
      expect(needed.owed).toMatchObject([{ duty: 'disable', of: 'hash-1', tries }]);
      if (tries < 5) expect(whatNext(needed, at).do).toBe('sleep');
      if (tries < 5) at = needed.owed[0]?.retryAt ?? '';
    }
    expect(whatNext(needed, at).do).toBe('rotate');
  });

  test('daily rotations with a 24 h grace keep their time of day', () => {
    const policy = aPolicy({ graceMs: 24 * hour });
    const state = withFormerKey(policy);
    const nextDay = plus(t0, 24 * hour);
    const daily = { ...state, next: { date: '2026-11-24', utc: nextDay, local: '', timeZone: 'UTC' } };
    expect(whatNext(daily, nextDay)).toMatchObject({ do: 'disable', what: { generation: 1 } });
    const long = withFormerKey(aPolicy({ graceMs: 40 * hour }));
    expect(whatNext({ ...long, next: daily.next }, nextDay)).toMatchObject({ do: 'sleep', until: plus(t0, 41 * hour) });
  });
});

describe('the end of a policy', () => {
  test('stores are emptied before any key is disabled (I2)', async () => {
    const state = after.afterEnding(withFormerKey(), 'destroy', plus(t0, 2 * hour));
    const now = plus(t0, 2 * hour);
    expect(whatNext(state, now).do).toBe('clear');
    const cleared = await carriedOut(state, now, { removeSecret: async () => 'removed' });
    expect(whatNext(cleared, now).do).toBe('disable');
  });

  test('retire lets the last key live through its grace', () => {
    const state = after.afterEnding(withFirstKey(), 'retire', t0);
    expect(whatNext(state, t0)).toMatchObject({ do: 'sleep', until: plus(t0, 24 * hour) });
    expect(whatNext(state, plus(t0, 24 * hour)).do).toBe('clear');
  });

  test('detach leaves keys and secrets as they are', () => {
    const state = after.afterEnding(withFormerKey(), 'detach', t0);
    expect(whatNext(state, plus(t0, 400 * day)).do).toBe('end');
  });
});

test('a key whose create was lost is looked for again, and the policy does not end before', async () => {
  const lost = undone('r2', { kind: 'requested', text: '' }, t0, ['keyturn:demo:r2:1']);
  let state = after.afterEnding(rotated(withFirstKey(), lost, t0), 'detach', t0);
  const looks: number[] = [];
  for (let now = t0; ; ) {
    const step = whatNext(state, now);
    if (step.do === 'end') break;
    if ('until' in step) now = step.until ?? '';
    else {
      looks.push((Date.parse(now) - Date.parse(t0)) / minute);
      state = await carriedOut(state, now, { reapKey: async () => ({ found: false }) });
    }
  }
  expect(looks).toEqual([10, 60, 24 * 60]);
});

test('no create follows two whose answers were lost before the first of them is looked for: a third key, and no fourth', async () => {
  const reason = { kind: 'requested', text: '' } as const;
  const lost = undone('r2', reason, t0, ['keyturn:demo:r2:1', 'keyturn:demo:r2:2']);
  const state = rotated(withFirstKey(), lost, t0);
  const looked = plus(t0, 10 * minute);
  expect(state.history.at(-1)).toMatchObject({ event: 'undone', nextAttemptAt: looked });
  const asked = after.afterRequest(state, { requestId: 'q', rotationId: 'r3', reason: 'x', endGrace: true }, t0);
  expect(whatNext(asked, plus(t0, 5 * minute))).toMatchObject({ do: 'sleep', until: looked });

  const look = { reapKey: async () => ({ found: false }) };
  const once = await carriedOut(asked, looked, look);
  expect(whatNext(once, looked).do).toBe('look');
  expect(whatNext(await carriedOut(once, looked, look), looked).do).toBe('rotate');
});

describe('an undo that was not finished', () => {
  const key = { generation: 2, hash: 'hash-2', digest: 'digest-2' };
  const left: Undoing = {
    rotationId: 'r2',
    key,
    isShown: false,
    steps: [
      {
        undo: 'write',
        place: { store: 'local', name: 'OPENROUTER_API_KEY', field: null },
        before: 'sealed',
        notBefore: null,
        approval: null,
      },
      { undo: 'create', marker: 'keyturn:demo:r2:1', hash: 'hash-2' },
    ],
  };
  const fault = { code: 'KEYTURN_STORE_UNAVAILABLE', kind: 'transient', message: 'down', remedy: 'mend it' };

  function halfUndone(): PolicyState {
    const { rotation, end } = undone('r2', { kind: 'requested', text: 'x' }, t0);
    return rotated(withFirstKey(), { rotation, end: { ...end, undoing: left, undoFault: fault } as Concluded }, t0);
  }

  test('is owed, shown with what a person can do, and holds the next rotation back, an urgent one too', () => {
    const state = halfUndone();
    const status = statusOf(state, null, t0);
    expect(status.state).toBe('needs-attention');
    expect(status.attention).toMatchObject([{ message: 'Cannot put back what local:OPENROUTER_API_KEY held: down' }]);
    expect(status.owed).toMatchObject([{ duty: 'rotate' }, { duty: 'undo', tries: 1 }].reverse());
    const asked = after.afterRequest(state, { requestId: 'q', rotationId: 'r3', reason: 'x', endGrace: true }, t0);
    const until = plus(t0, backoffMs('demo', 1));
    expect(whatNext(asked, t0)).toMatchObject({ do: 'sleep', until });
    expect(whatNext(asked, until).do).toBe('undo');
  });

  test('removes the key only after every place is as it was', async () => {
    const now = plus(t0, hour);
    const calls: string[] = [];
    const steps = (shown: boolean) => ({
      restoreSecret: async () => {
        calls.push('restore');
        return { shown, approval: null, left: null };
      },
      reapKey: async () => {
        calls.push('remove');
        return { found: true };
      },
    });
    const once = await carriedOut(halfUndone(), now, steps(false));
    expect([calls, whatNext(once, now).do]).toEqual([['restore'], 'undo']);
    const twice = await carriedOut(once, now, steps(false));
    expect(calls).toEqual(['restore', 'remove']);
    expect([twice.undoing, twice.retiring]).toEqual([null, []]);

    const shown = await carriedOut(await carriedOut(halfUndone(), now, steps(true)), now, steps(true));
    expect(calls).toEqual(['restore', 'remove', 'restore']);
    expect(shown).toMatchObject({ undoing: null, retiring: [{ hash: 'hash-2', withdrawn: true }] });
  });

  test('goes before the places are cleared, and is told of where the policy is detached', () => {
    const now = plus(t0, hour);
    expect(whatNext(after.afterEnding(halfUndone(), 'destroy', now), now).do).toBe('undo');
    const detached = after.afterEnding(halfUndone(), 'detach', now);
    expect(whatNext(detached, now).do).toBe('undo');
    const [owed] = detached.owed.filter(({ duty }) => duty === 'undo');
    const givenUp = { ...detached, owed: owed === undefined ? [] : [{ ...owed, tries: 5 }] };
    expect(whatNext(givenUp, now).do).toBe('end');
    expect(leftBehind(givenUp, now).keys.map(({ hash }) => hash)).toEqual(['hash-2', 'hash-1']);
  });
});

test('a name that could not be given is owed, and given later', async () => {
  const { rotation, end } = published('r2', 2, { kind: 'requested', text: 'x' }, t0);
  const fault = { code: 'KEYTURN_CONNECTION_REFUSED', kind: 'needs-attention', message: 'no', remedy: 'check' };
  const state = rotated(withFirstKey(), { rotation, end: { ...end, fault } as Concluded }, t0);
  expect(statusOf(state, null, t0)).toMatchObject({
    state: 'needs-attention',
    owed: [{ duty: 'rename', of: 'hash-2' }],
  });
  const now = state.owed[0]?.retryAt ?? '';
  const named: unknown[] = [];
  const planned = { ...state, next: withFirstKey().next };
  const renamed = await carriedOut(planned, now, { renameKey: async (input) => void named.push(input) });
  expect(named).toEqual([{ connection: 'main', hash: 'hash-2', name: 'demo-key' }]);
  expect(renamed).toMatchObject({ owed: [], current: { isMarked: false } });
  expect(statusOf(renamed, null, now).attention).toEqual([]);
});
