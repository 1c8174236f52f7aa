import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextStep } from '../../../policy/life/agenda.ts';
import { bounded, bytesOf, cut, maxStateBytes, remembered } from '../../../policy/life/bounds.ts';
import { mostStrays, type NextRotation } from '../../../policy/life/next-rotation.ts';
import { type Happening, newPolicyState, type PolicyState, type RotationRecord } from '../../../policy/life/state.ts';
import { statusOf } from '../../../policy/life/status.ts';
import * as after from '../../../policy/life/transitions.ts';
import { plus } from '../../../policy/time/instant.ts';
import { largeState } from './large-states.ts';
import { aPolicy, carriedOut, day, minute, published, rotated, undone } from './states.ts';

const t0 = '2026-11-23T10:00:00.000Z';

describe('a state of any size', () => {
  test('comes within its bytes; keys, markers, what is due and the last rotation of each outcome stay', () => {
    fc.assert(
      fc.property(largeState, (state) => {
        const small = bounded(state);
        expect(bytesOf(small)).toBeLessThanOrEqual(maxStateBytes);
        expect(essenceOf(small)).toEqual(essenceOf(state));
      }),
      { numRuns: 300 },
    );
  });

  test('is as it was the second time', () => {
    fc.assert(
      fc.property(largeState, (state) => {
        const small = bounded(state);
        expect(bounded(small)).toEqual(small);
      }),
      { numRuns: 200 },
    );
  });

  test('does the same next as before it was bounded', () => {
    fc.assert(
      fc.property(largeState, (state) => {
        const [before, behind] = [nextStep(state, t0), nextStep(bounded(state), t0)];
        expect(behind.do).toBe(before.do);
        expect(statusOf(bounded(state), null, t0).wakesAt).toEqual(statusOf(state, null, t0).wakesAt);
      }),
      { numRuns: 100 },
    );
  });

  test('that is small already is not changed', () => {
    fc.assert(
      fc.property(largeState, (state) => {
        const small = bounded(state);
        fc.pre(bytesOf(small) < maxStateBytes * 0.8);
        expect(bounded(structuredClone(small))).toEqual(small);
      }),
      { numRuns: 100 },
    );
    const plain = { ...newPolicyState('demo'), policy: aPolicy(), paused: { at: t0, reason: 'x'.repeat(500) } };
    expect(bounded(plain)).toEqual(plain);
  });
});

/** What bounding must not touch: all but texts and lists that people read. */
function essenceOf({ history: _, requests, lastSteps, dropped, ...state }: PolicyState) {
  const { paused, pending, owed, lastRotations, places } = state;
  return {
    ...state,
    places: places.map((place) => ({ ...place, changed: place.changed?.code })),
    owed: owed.map((one) => ({ ...one, fault: { ...one.fault, message: '', remedy: '' } })),
    paused: paused?.at,
    pending: pending && { ...pending, reason: pending.reason.kind },
    lastRotations: [lastRotations.published, lastRotations.undone].map(recordWithoutWords),
  };
}

function recordWithoutWords(record: RotationRecord | null) {
  return record && { ...record, reason: record.reason.kind, fault: record.fault?.code };
}

test('a text is cut with a mark, and never in the middle of a character', () => {
  expect(cut('audit', 5)).toBe('audit');
  expect(cut('audits', 5)).toBe('audi…');
  expect(cut('😀😀😀', 4)).toBe('😀…');
});

describe('what a policy remembers', () => {
  const one = (event: Happening['event'], n: number) => ({ event, at: plus(t0, n * minute) }) as Happening;

  test('of what went as planned is a week of daily rotations; of all else, thirty', () => {
    const routine = Array.from({ length: 90 }, (_, n) =>
      one((['published', 'disabled', 'deleted'] as const)[n % 3] ?? 'published', n),
    );
    expect(remembered(routine).filter(({ event }) => event === 'published')).toHaveLength(7);
    expect(remembered(routine)).toHaveLength(11);
    expect(remembered(routine).at(-1)).toBe(routine.at(-1));
    const failures = Array.from({ length: 90 }, (_, n) => one('undone', n));
    expect(remembered(failures)).toEqual(failures.slice(-30));
    expect(remembered([...failures.slice(0, 10), ...routine]).filter(({ event }) => event === 'undone')).toHaveLength(
      10,
    );
  });
});

test('a policy whose creates are lost again and again, and that is asked for more, looks before it makes more', async () => {
  let state = after.afterApply(newPolicyState('demo'), aPolicy({ name: 'demo' }), t0, 'r1');
  state = rotated(state, published('r1', 1, { kind: 'first' }, t0), t0);
  let mostAtOnce = 0;
  for (let minutes = 0; minutes < 3 * 24 * 60; minutes += 1) {
    const now = plus(t0, minutes * minute);
    const request = { requestId: `q${minutes}`, rotationId: `r${minutes}`, reason: 'x', endGrace: true };
    state = after.afterRequest({ ...state, next: null, anchor: null }, request, now);
    for (let step = nextStep(state, now); step.do === 'duty'; step = nextStep(state, now)) {
      const { duty, what } = step.due;
      if (duty.name === 'look') state = await carriedOut(state, now, { reapKey: async () => ({ found: false }) });
      else if (duty.name === 'rotate') {
        const { pending, reason } = what as NextRotation;
        const id = pending?.rotationId ?? '';
        state = rotated(state, undone(id, reason, now, [`keyturn:demo:${id}:1`, `keyturn:demo:${id}:2`]), now);
      } else throw new Error(duty.name);
    }
    mostAtOnce = Math.max(mostAtOnce, state.strays.length);
  }
  expect(mostAtOnce).toBeLessThanOrEqual(mostStrays + 1);
  // It goes on all the same: each is looked for until a day has passed.
  expect(Date.parse(state.lastRotations.undone?.at ?? '')).toBeGreaterThan(Date.parse(t0) + 2 * day);
});
