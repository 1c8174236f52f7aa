import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { scrub } from '../../secrets/redaction.ts';
import { Secret } from '../../secrets/secret.ts';

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

test('a management key that is read a thousand times pushes no other secret out', () => {
  const inference = new Secret('the inference key of checkout');
  const copies = Array.from({ length: 1_000 }, () => new Secret('the management key of main'));
  expect(scrub(`it was ${inference.reveal()}`)).toBe('it was [redacted]');
  expect(scrub(`it was ${copies[999]?.reveal()}`)).toBe('it was [redacted]');
});

test('a value that is seen again is not the next one to be forgotten', () => {
  const management = new Secret('the management key of ops');
  const many = (count: number, name: string) =>
    Array.from({ length: count }, (_, at) => new Secret(`secret ${at} of ${name}`));
  const kept = [...many(500, 'before'), new Secret(management.reveal()), ...many(500, 'after')];
  expect(scrub(`it was ${management.reveal()}`)).toBe('it was [redacted]');
  expect(kept).toHaveLength(1_001);
});

test('a copy that was thrown away takes nothing from the one that stays; with the last of them the value is gone', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  // Not the literal, which the code itself keeps.
  const made = () => ['a', 'passing', 'secret'].join(' ');
  const text = 'it was a passing secret';

  const secrets = [new Secret(made())];
  (() => new Secret(made()))();
  await sleep(0);
  collectGarbage();
  expect(scrub(text)).toBe('it was [redacted]');

  secrets.length = 0;
  await sleep(0);
  collectGarbage();
  expect(scrub(text)).toBe(text);
});
