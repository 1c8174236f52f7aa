import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');
const manifest = JSON.parse(read('package.json'));

type Component = { name: string; hashes?: unknown[]; properties: { name: string; value: string }[] };

test('npm run sbom lists what users get, and tells it from what only development needs', async () => {
  const run = promisify(execFile)('npm', ['run', '--silent', 'sbom'], { cwd: root, maxBuffer: 2 ** 26 });
  const bom = JSON.parse((await run).stdout) as { bomFormat: string; components: Component[] };
  expect(bom.bomFormat).toBe('CycloneDX');
  const isDev = ({ properties }: Component) => properties.some(({ name }) => name === 'cdx:npm:package:development');
  const names = (dev: boolean) =>
    bom.components.filter((component) => isDev(component) === dev).map(({ name }) => name);
  expect(names(false)).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
  expect(names(true)).toEqual(expect.arrayContaining(['typescript', 'vitest']));
  expect(bom.components.filter(({ hashes }) => !hashes?.length).map(({ name }) => name)).toEqual([]);
});

test('the lock file holds the binaries of every platform: with those of one machine Keyturn starts nowhere else', () => {
  type Locked = Record<string, { optionalDependencies?: Record<string, string> }>;
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Locked };
  const lacking = Object.entries(packages).flatMap(([folder, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in packages) && !(`${folder}/node_modules/${name}` in packages),
    ),
  );
  expect(Object.keys(packages)).toContain('node_modules/@swc/core-darwin-arm64');
  expect(lacking).toEqual([]);
});

test('no script of ours runs when somebody installs the package', () => {
  const atInstall = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'];
  expect(Object.keys(manifest.scripts).filter((name) => atInstall.includes(name))).toEqual([]);
});

test('a release is published by its workflow, with provenance and no token to lose', () => {
  const text = read('.github/workflows/publish.yml');
  const { jobs, permissions } = parse(text) as {
    permissions: unknown;
    jobs: { npm: { permissions: unknown; steps: { run?: string }[] } };
  };
  expect(permissions).toEqual({});
  expect(jobs.npm.permissions).toEqual({ contents: 'write', 'id-token': 'write' });
  const commands = jobs.npm.steps.flatMap(({ run }) => run ?? []).join('; ');
  expect(commands).toMatch(/npm test;.*npm run --silent sbom.*;.*npm publish --provenance/);
  expect(text).not.toMatch(/NPM_TOKEN|NODE_AUTH_TOKEN|secrets\./);
});
