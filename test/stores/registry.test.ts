import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { storesTable } from '../../scripts/stores-table.ts';

const run = promisify(execFile);

test('what may be declared is known without a library of a vendor: --help and a start are as fast as before', async () => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = new Set();
    registerHooks({ resolve(specifier, context, next) {
      if (/^[^.\\/]/.test(specifier) && !specifier.startsWith('node:') && !context.parentURL?.includes('/node_modules/')) loaded.add(specifier);
      return next(specifier, context);
    } });
    await import('./stores/registry.ts');
    console.log(JSON.stringify([...loaded]));
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
  expect(JSON.parse(stdout)).toEqual(['zod']);
});

test('the table of docs/stores.md is current: node scripts/generate-stores-table.ts', () => {
  const page = readFileSync(new URL('../../docs/stores.md', import.meta.url), 'utf8');
  expect(page).toContain(storesTable());
});
