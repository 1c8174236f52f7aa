import { expect, test } from 'vitest';
import { nearest } from '../../errors/nearest.ts';

const many = Array.from({ length: 1_000 }, (_, n) => `policy-${n}`);

test('an unknown name does not list a thousand others', () => {
  expect(nearest('checkout', many)).toBe('Known: policy-0, policy-1, policy-10. There are 997 others.');
});

test('a name with a slip is told the names it was most probably meant to be', () => {
  const known = ['checkout', 'checkout-eu', 'checkin', 'billing', ...many];
  expect(nearest('chekout', known)).toBe('Did you mean checkout or checkout-eu? There are 1002 others.');
  expect(nearest('checkout-us', known)).toMatch(/^Did you mean checkout or checkout-eu\?/);
});

test('where there is nothing, nothing is offered', () => {
  expect(nearest('checkout', [])).toBe('There is none yet.');
});

test('a name that is like no other is told the ones there are', () => {
  expect(nearest('zebra', ['main', 'other'])).toBe('Known: main, other.');
});
