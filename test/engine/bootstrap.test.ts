import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Workspace, workspace } from './workspace.ts';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));

/** A checkout whose lock file wants `wanted` of a package, with an npm that "installs" `brought` and a Node of `node`. */
function checkout(space: Workspace, { wanted = '2.0.0', brought = '2.0.0', node = 'v24.1.0' } = {}) {
  const lock = (version: string) =>
    JSON.stringify({ packages: { '': {}, 'node_modules/a': { version }, 'node_modules/for-mac': { optional: true } } });
  const modules = join(space.folder, 'node_modules');
  cpSync(scripts, join(space.folder, 'scripts'), { recursive: true });
  writeFileSync(join(space.folder, 'package-lock.json'), lock(wanted));
  writeFileSync(join(space.folder, 'brought.json'), lock(brought).replace(/,"node_modules\/for-mac".*?\}/, ''));
  space.program(
    'npm',
    `echo "$@" >> ${space.folder}/npm-runs; echo "added 2 packages"; /bin/mkdir -p ${modules}/.bin
     /bin/cp ${space.folder}/brought.json ${modules}/.package-lock.json
     printf '#!/bin/sh\\necho ${node}\\n' > ${modules}/.bin/node; /bin/chmod +x ${modules}/.bin/node`,
  );
  mkdirSync(modules);
  const run = () => {
    const script = join(space.folder, 'scripts/bootstrap.mjs');
    return spawnSync(process.execPath, [script], { env: { PATH: space.bin }, encoding: 'utf8' });
  };
  const npmRuns = () => readFileSync(join(space.folder, 'npm-runs'), 'utf8').trim().split('\n');
  return { run, npmRuns };
}

test('a fresh clone is installed once; standard output stays the command’s own', () => {
  using space = workspace();
  const { run, npmRuns } = checkout(space);
  expect(run()).toMatchObject({ status: 0, stdout: '', stderr: expect.stringContaining('✔ dependencies installed') });
  expect(run()).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect(npmRuns()).toEqual(['install --no-save --include=dev --loglevel=error']);
});

test('a lock file that changed since is noticed', () => {
  using space = workspace();
  const { run, npmRuns } = checkout(space, { wanted: '2.1.0' });
  run();
  run();
  expect(npmRuns()).toHaveLength(2);
});

test('an install that leaves another Node than 24 stops with what to do', () => {
  using space = workspace();
  const { run } = checkout(space, { node: 'v20.20.2' });
  expect(run()).toMatchObject({ status: 1, stderr: expect.stringContaining('npm rebuild node') });
});

test('this very checkout is ready: nothing to do, nothing said', () => {
  // Without npm within reach: a checkout that is not ready fails here instead of being changed by a test.
  const bootstrap = spawnSync(process.execPath, [join(scripts, 'bootstrap.mjs')], { env: {}, encoding: 'utf8' });
  expect(bootstrap).toMatchObject({ status: 0, stderr: '' });
});
