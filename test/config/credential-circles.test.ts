import { expect, test } from 'vitest';
import { circleFrom, storesNamedIn } from '../../config/credential-circles.ts';

const from = (...stores: string[]) => ({
  kind: 'any',
  content: { auth: { parts: stores.map((store) => ({ source: 'store', store, name: 'token', field: null })) } },
});

test('credentials that would have to come from themselves are found, however long the way', () => {
  const declared = { a: from('b'), b: from('d', 'c'), c: from('a'), d: from(), e: from('e'), f: from('a') };
  expect(circleFrom('a', declared)).toEqual(['a', 'b', 'c', 'a']);
  expect(circleFrom('e', declared)).toEqual(['e', 'e']);
  expect(circleFrom('d', declared)).toBeUndefined();
  // Not its own circle, but it ends.
  expect(circleFrom('f', declared)?.at(-1)).toBe('a');
});

test('references are found wherever a kind has them, and nothing else is taken for one', () => {
  expect(storesNamedIn(from('b', 'c').content)).toEqual(['b', 'c']);
  expect(storesNamedIn({ store: 'a', token: { source: 'env', variable: 'T' }, none: null, list: [1] })).toEqual([]);
});
