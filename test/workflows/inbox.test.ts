import fc from 'fast-check';
import { expect, test } from 'vitest';
import { reasonLength } from '../../policy/declared/limits.ts';
import { begun } from '../../policy/life/duties/rotate.ts';
import { newPolicyState, type PolicyState } from '../../policy/life/state.ts';
import * as after from '../../policy/life/transitions.ts';
import { plus } from '../../policy/time/instant.ts';
import { admit, hearSignal, type MessageName, type Moment, take } from '../../workflows/inbox.ts';
import { newLife } from '../../workflows/policy-life.ts';
import { aPolicy, day, published, rotated } from '../policy/life/states.ts';

const t0 = '2026-11-23T10:00:00.000Z';

function withFirstKey(): PolicyState {
  const policy = aPolicy();
  const applied = after.afterApply(newPolicyState(policy.name), policy, t0, 'r1');
  return rotated(applied, published('r1', 1, { kind: 'first' }, t0), t0);
}

const states = {
  new: newPolicyState('demo'),
  asleep: withFirstKey(),
  paused: after.afterPause(withFirstKey(), 'audit', t0),
  ending: after.afterEnding(withFirstKey(), 'retire', t0),
  detached: after.afterCancel(withFirstKey(), t0),
};

const names = ['rotateNow', 'rotate', 'pause', 'resume', 'refresh', 'endPolicy', 'applyPolicy'] as const;

/** Any JSON value; and often one that has the right fields with anything in them. */
const anything = fc.oneof(
  fc.constant(undefined),
  fc.jsonValue(),
  fc.record(
    {
      requestId: fc.jsonValue(),
      reason: fc.oneof(fc.jsonValue(), fc.string({ maxLength: 3_000, unit: 'binary' })),
      endGrace: fc.jsonValue(),
      mode: fc.jsonValue(),
      version: fc.jsonValue(),
      name: fc.jsonValue(),
      schedule: fc.jsonValue(),
      key: fc.jsonValue(),
      secret: fc.jsonValue(),
    },
    { requiredKeys: [] },
  ),
  fc
    .dictionary(fc.constantFrom(...Object.keys(aPolicy())), fc.jsonValue())
    .map((wrong) => ({ ...aPolicy(), ...wrong })),
);

let made = 0;
const moment = (now = t0): Moment => ({ now, newId: () => `r${++made}` });

test('any value for any message, in any state: never throws, and changes nothing unless it is taken', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.constantFrom(...Object.values(states)),
      anything,
      (name, state, input) => {
        const life = newLife(state);
        const before = structuredClone(state);
        const admitted = admit(life, name, input);
        expect(life.state).toBe(state);
        expect(state).toEqual(before);
        if ('refused' in admitted) return;
        take(life, name, admitted.value as never, moment());
        expect(state).toEqual(before);
        // What is taken can be passed on.
        expect(JSON.parse(JSON.stringify(life.state))).toEqual(life.state);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('a signal that is not taken leaves one line, the first of its kind, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom('rotateNow', 'pause', 'no such signal'), fc.string()),
      anything,
      (name, input) => {
        const life = newLife(states.asleep);
        const refused = hearSignal(life, name, input, moment());
        if (refused === null) return;
        const { dropped } = life.state;
        expect({ ...life.state, dropped: [] }).toEqual(states.asleep);
        expect(dropped.length).toBeLessThanOrEqual(1);
        for (let n = 0; n < 3; n++) hearSignal(life, name, input, moment(plus(t0, day)));
        expect(life.state.dropped).toEqual(dropped);
      },
    ),
  );
});

test('a flood of signals with names of their own leaves ten lines', () => {
  const life = newLife(states.asleep);
  for (let n = 0; n < 1_000; n++) hearSignal(life, `${n} ${'x'.repeat(1_000)}`, null, moment());
  expect(life.state.dropped).toHaveLength(10);
  expect(life.state.dropped.every(({ message }) => message.length <= 60)).toBe(true);
});

test('two requests without an id are two', () => {
  const life = newLife(states.asleep);
  const first = ask(life, 'rotate', {});
  // The first one is under way.
  life.state = begun(life.state);
  expect(ask(life, 'rotate', {}).rotationId).not.toBe(first.rotationId);
  expect(life.state.requests).toHaveLength(2);
});

test('an id that was seen is the same request, also when its rotation is over', () => {
  const life = newLife(states.asleep);
  const first = ask(life, 'rotate', { requestId: 'q', reason: 'one' });
  const { state } = life;
  expect(ask(life, 'rotate', { requestId: 'q', reason: 'two' })).toEqual(first);
  expect(life.state).toBe(state);
  life.state = begun(life.state);
  expect(ask(life, 'rotate', { requestId: 'q', reason: 'three' }).rotationId).toBe(first.rotationId);
  expect(life.state.pending).toBeNull();
});

test('the texts of requests and pauses are cut with a mark', () => {
  const life = newLife(states.asleep);
  const reason = '😀'.repeat(reasonLength);
  ask(life, 'rotate', { reason });
  hearSignal(life, 'pause', { reason }, moment());
  const { paused, pending } = life.state;
  const asked = pending?.reason.kind === 'requested' ? pending.reason.text : undefined;
  for (const text of [paused?.reason, asked]) {
    expect(text?.length).toBeLessThanOrEqual(reasonLength);
    expect(text).toMatch(/😀…$/u);
  }
});

test('a pause twice and a resume of what is not paused change nothing', () => {
  for (const [signal, state] of [
    ['pause', states.paused],
    ['resume', states.asleep],
  ] as const) {
    const life = newLife(state);
    hearSignal(life, signal, { reason: 'again' }, moment());
    expect(life.state).toBe(state);
  }
});

test('what is ending takes nothing more', () => {
  for (const name of ['rotate', 'endPolicy', 'applyPolicy'] as const) {
    for (const state of [states.ending, states.detached]) {
      const input = { rotate: {}, endPolicy: { mode: 'destroy' }, applyPolicy: aPolicy() }[name];
      expect(admit(newLife(state), name, input)).toMatchObject({ refused: { code: 'KEYTURN_POLICY_ENDING' } });
    }
  }
});

function ask<Name extends MessageName & 'rotate'>(life: ReturnType<typeof newLife>, name: Name, input: unknown) {
  const admitted = admit(life, name, input);
  if ('refused' in admitted) throw new Error(admitted.refused.message);
  return take(life, name, admitted.value, moment());
}
