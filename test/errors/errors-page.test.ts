import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { faults } from '../../errors/faults.ts';
import { fault } from '../../errors/keyturn-error.ts';
import { errorsPage } from '../../scripts/errors-page.ts';

test('docs/errors.md is current: node scripts/generate-errors-page.ts', () => {
  expect(readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')).toBe(errorsPage());
});

test('every error is a sentence with a remedy', () => {
  for (const [code, { remedy }] of Object.entries(faults)) {
    expect(code).toMatch(/^KEYTURN_[A-Z_]+$/);
    expect(remedy.length, code).toBeGreaterThan(10);
  }
});

test('an error prints no cause and no property beyond its own fields', () => {
  const error = fault('KEYTURN_OPENROUTER_UNAVAILABLE', 'create a key', 'it timed out');
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    code: 'KEYTURN_OPENROUTER_UNAVAILABLE',
    kind: 'transient',
    message: 'OpenRouter did not answer a request to create a key: it timed out.',
    remedy: expect.any(String),
  });
  expect(error.cause).toBeUndefined();
});
