import { expect, test } from 'vitest';
import { behaviorOn } from '../../worker/versioning.ts';

test('where a pinned run could never move on, none is pinned', () => {
  expect(behaviorOn('1.29.1', 'auto')).toBe('AUTO_UPGRADE');
  expect(behaviorOn('1.30.0-148.5', 'auto')).toBe('PINNED');
  expect(behaviorOn('1.31.2', 'auto')).toBe('PINNED');
  expect(behaviorOn('2.0.0', 'auto')).toBe('PINNED');
  expect(behaviorOn('', 'auto')).toBe('AUTO_UPGRADE');
});

test('one build at a time never leaves a run with a former one', () => {
  expect(behaviorOn('1.31.2', 'single')).toBe('AUTO_UPGRADE');
});
