import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freshFolder, namesIn } from './folder.ts';
import { startWriter } from './writer.ts';

test('two processes write two variables of one file a hundred times each at once, and none is lost', async () => {
  const folder = freshFolder();
  const path = join(folder, '.env');
  writeFileSync(path, '# kept\nOTHER=1\n');
  const fields = ['ONE_KEY', 'OTHER_KEY'];
  const writers = fields.map((field) =>
    startWriter({ declared: { folder }, spot: { name: '.env', field }, value: `sk-${field}`, times: 100 }),
  );
  expect(await Promise.all(writers.map(async ({ ended }) => (await ended).said))).toEqual(['written', 'written']);
  expect(readFileSync(path, 'utf8').trim().split('\n').sort()).toEqual([
    '# kept',
    'ONE_KEY=sk-ONE_KEY',
    'OTHER=1',
    'OTHER_KEY=sk-OTHER_KEY',
  ]);
  expect(namesIn(folder)).toEqual(['.env']);
}, 120_000);
