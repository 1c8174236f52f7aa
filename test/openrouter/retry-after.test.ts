import { expect, test } from 'vitest';
import { parseRetryAfter } from '../../errors/retry-after.ts';

test.each([
  ['120', 120_000],
  ['0', 0],
  [' 3 ', 3_000],
  ['86400', 600_000],
  ['99999999999999999999', 600_000],
  ['-5', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['', undefined],
])('Retry-After: %j', (header, waitMs) => {
  expect(parseRetryAfter({ 'retry-after': header })).toBe(waitMs);
});

test('no Retry-After is no wait', () => {
  expect(parseRetryAfter({})).toBeUndefined();
});

test('a date is measured by the clock of the server, not ours', () => {
  const date = 'Mon, 23 Nov 2015 10:00:00 GMT';
  expect(parseRetryAfter({ 'retry-after': 'Mon, 23 Nov 2015 10:00:45 GMT', date })).toBe(45_000);
  expect(parseRetryAfter({ 'retry-after': 'Mon, 23 Nov 2015 12:00:00 GMT', date })).toBe(600_000);
  expect(parseRetryAfter({ 'retry-after': 'Mon, 23 Nov 2015 09:00:00 GMT', date })).toBe(0);
});

test('a date without a clock beside it is measured by ours', () => {
  expect(parseRetryAfter({ 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() })).toBe(600_000);
  expect(parseRetryAfter({ 'retry-after': 'Mon, 23 Nov 2015 10:00:45 GMT' })).toBe(0);
});
