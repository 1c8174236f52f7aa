import { expect, test } from 'vitest';
import { scrub } from '../../codec/redaction.ts';
import { Secret } from '../../codec/secret.ts';

const value = 'correct/horse "battery" staple';
const kept = new Secret(value);

test.each([
  ['as it is', value],
  ['in JSON', JSON.stringify({ value })],
  ['in base64', Buffer.from(value).toString('base64')],
  ['in hex', Buffer.from(value).toString('hex')],
  ['in a URL', `https://example.com/?key=${encodeURIComponent(value)}`],
])('a secret in memory is scrubbed %s', (_, text) => {
  const clean = scrub(`before ${text} after`);
  expect(clean).toContain('[redacted]');
  expect(clean).toMatch(/^before .* after$/);
  expect(clean).not.toContain('horse');
  expect(clean).not.toContain(Buffer.from(kept.reveal()).toString('hex'));
});

test('what looks like an OpenRouter key is scrubbed, also one that was never held', () => {
  expect(scrub(`key sk-or-v1-${'0123456789abcdef'.repeat(4)}, please`)).toBe('key [redacted], please');
  expect(scrub('the mask sk-or-v1-7d2...e41 tells nothing')).toBe('the mask sk-or-v1-7d2...e41 tells nothing');
});

test('a short value does not blank out ordinary words', () => {
  const short = new Secret('on');
  expect(scrub('one more line')).toBe('one more line');
  expect(short.reveal()).toBe('on');
});
