import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closureOf } from '../imports.ts';
import type { Stack } from '../process/stack.ts';
import { startStackWithWorker } from '../process/stack-with-worker.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const example = `${root}client/examples/start-a-policy.ts`;

let stack: Stack;
beforeAll(async () => {
  stack = await startStackWithWorker();
});
afterAll(() => stack.close());

test('the example script starts a policy, ends by itself, and finds the policy there the next time', async () => {
  // `keyturn` is this checkout (package.json, exports).
  const args = ['--conditions=keyturn-checkout', example];
  const run = () => promisify(execFile)(process.execPath, args, { cwd: root, env: stack.env });
  expect((await run()).stdout).toMatch(/^created; its first key is rotation r[0-9a-f]{12}\n$/);
  expect((await run()).stdout).toBe('it was there already\n');
  expect(await stack.keyturn.list()).toMatchObject([{ name: 'checkout' }]);
});

test('the example in docs/client.md is this script, and takes less than 15 lines', () => {
  const script = readFileSync(example, 'utf8').trim();
  expect(readFileSync(`${root}docs/client.md`, 'utf8')).toContain(script);
  expect(script.split('\n').length).toBeLessThan(15);
});

test('the library takes no worker, vault or simulator along', () => {
  // A keyring that keyturn.yaml declares in a store has that loaded, and only then.
  const taken = [...closureOf(`${root}client/index.ts`, { atOnce: true })];
  expect(taken).toContain(`${root}client/keyturn.ts`);
  expect(
    taken.filter((file) => /\/(worker|stores|simulator|connections|activities|cli|openrouter)\//.test(file)),
  ).toEqual([]);
});
