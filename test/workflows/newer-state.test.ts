import { expect, test } from 'vitest';
import { Unreadable } from '../../errors/unreadable.ts';
import { newPolicyState } from '../../policy/life/state.ts';
import { hearSignal } from '../../workflows/inbox.ts';
import { cancelMessage, type Held, hold } from '../../workflows/newer-state.ts';
import { newLife } from '../../workflows/policy-life.ts';

// Signals that are kept while no worker can read the state.

test('what is nested deeply, long, or one too many is let go; the name of what is kept is short', () => {
  const held: Held[] = [];
  hold(held, 'pause', JSON.parse('['.repeat(10_000) + ']'.repeat(10_000)));
  hold(held, 'pause', { reason: 'x'.repeat(10_000) });
  expect(held).toEqual([]);
  for (let n = 0; n < 1_000; n++) hold(held, `${n} ${'x'.repeat(1_000)}`, { reason: '' });
  expect(held).toHaveLength(50);
  expect(held.every(({ name }) => name.length <= 60)).toBe(true);
});

test('a signal that happens to be called as a cancellation is here does not detach the policy', () => {
  const held: Held[] = [];
  hold(held, cancelMessage, null);
  expect(held).toEqual([]);
});

test.each([new Unreadable('cannot be decrypted'), Buffer.from('{}')])('%o is no request in the next run', (input) => {
  const held: Held[] = [];
  hold(held, 'pause', input);
  const life = newLife(newPolicyState('x'));
  const moment = { now: '2026-11-23T10:00:00.000Z', newId: () => 'r1' };
  for (const { name, input: kept } of JSON.parse(JSON.stringify(held)) as Held[]) hearSignal(life, name, kept, moment);
  expect(life.state).toMatchObject({ paused: null, dropped: [{ message: 'pause' }] });
});
