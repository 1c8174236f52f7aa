import { expect, test } from 'vitest';
import * as check from '../../client/check-arguments.ts';

const usage = expect.objectContaining({ code: 'KEYTURN_USAGE' });

test('a mode that nobody knows begins no deletion', () => {
  for (const mode of ['bogus', 'dettach', undefined, null, 5, ['destroy'], { mode: 'destroy' }]) {
    expect(() => check.checkEnding(mode)).toThrow(usage);
  }
  expect(check.checkEnding('retire')).toBe('retire');
});

test('rotate takes no options, and nothing that is none', () => {
  expect(check.checkRotate(undefined)).toEqual({ reason: '', endGrace: false });
  for (const options of [
    5,
    'now',
    [],
    new Uint8Array(2),
    { reason: 5 },
    { endGrace: 'yes' },
    { requestId: '' },
    { requestId: {} },
  ]) {
    expect(() => check.checkRotate(options)).toThrow(usage);
  }
});

test('a text that is too long says how long it may be, and is not cut in silence', () => {
  const tooLong = expect.objectContaining({ code: 'KEYTURN_TEXT_TOO_LONG', message: expect.stringContaining('500') });
  expect(() => check.checkPause({ reason: 'x'.repeat(501) })).toThrow(tooLong);
  expect(() => check.checkRotate({ reason: 'x'.repeat(250_000) })).toThrow(tooLong);
  expect(() => check.checkRotate({ reason: '', requestId: 'x'.repeat(101) })).toThrow(/100/);
  expect(check.checkPause({ reason: 'x'.repeat(500) }).reason).toHaveLength(500);
});

test('control characters of a reason do not reach a terminal', () => {
  expect(check.checkPause({ reason: 'a\u001b[2Jb\nc' })).toEqual({ reason: 'a [2Jb c' });
});

test('what is wrong is named, but its value is not shown', () => {
  expect(() => check.checkName({ key: 'sk-or-v1-abc' })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('sk-or') }),
  );
  for (const count of [0, -1, 1.5, Number.NaN, '3', undefined]) expect(() => check.checkCount(count)).toThrow(usage);
  expect(() => check.checkRotationId(undefined)).toThrow(usage);
  expect(() => check.checkApply({ newKey: 'yes' })).toThrow(usage);
});
