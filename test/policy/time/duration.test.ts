import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../../policy/time/duration.ts';

test.each([
  ['0s', 0],
  ['20s', 20_000],
  ['30m', 1_800_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
  ['2w', 1_209_600_000],
])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

test.each([
  '',
  '24',
  'h',
  '-1h',
  '1.5h',
  '1d12h',
  '24 h',
  '24H',
  ' 24h',
  '24h\n',
  'PT24H',
  '1e3s',
  '9999999999s',
  '１h',
])('%j is no duration', (text) => expect(parseDuration(text)).toBeUndefined());

test.each([
  [0, '0s'],
  [20_000, '20s'],
  [90_000, '90s'],
  [5_400_000, '90m'],
  [86_400_000, '24h'],
  [172_800_000, '2d'],
  [604_800_000, '7d'],
  [1_209_600_000, '14d'],
])('%d ms is shown as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

test('what is shown can be written into a file and means the same', () => {
  fc.assert(
    fc.property(fc.nat(10_000_000), (seconds) => {
      expect(parseDuration(formatDuration(seconds * 1000))).toBe(seconds * 1000);
    }),
  );
});
