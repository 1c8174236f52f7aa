import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildIdOf } from '../../worker/build-id.ts';
import { makeBundle } from '../../worker/make-bundle.ts';
import { bundledFolders } from '../../worker/workflow-bundle.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const folders = readdirSync(checkout, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !['.git', 'node_modules', 'test'].includes(entry.name))
  .map(({ name }) => name);

let folder: string;
let code: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-build-id-'));
  code = (await makeBundle()).code;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Keyturn in another folder, its packages in one above it as npm may have put them. */
async function copyIn(place: string, packages: string): Promise<string> {
  const there = join(folder, place);
  await mkdir(there, { recursive: true });
  for (const part of [...folders, 'package.json'])
    await cp(join(checkout, part), join(there, part), { recursive: true });
  await symlink(join(checkout, 'node_modules'), join(folder, packages, 'node_modules'));
  return there;
}

/** As a worker of that copy, started in `cwd`, has it. */
function idIn(copy: string, cwd: string): string {
  const program = `
    const { makeBundle } = await import('${copy}/worker/make-bundle.ts');
    const { buildIdOf } = await import('${copy}/worker/build-id.ts');
    process.stdout.write(buildIdOf(await makeBundle()));`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd, encoding: 'utf8' });
}

test('the same code in another folder is the same build, or a new machine would move every policy', async () => {
  const here = buildIdOf({ code });
  expect(here).toMatch(/^[0-9a-f]{12}$/);
  const deep = await copyIn('releases/of-today/keyturn', 'releases/of-today/keyturn');
  expect(idIn(deep, deep)).toBe(here);
  expect(idIn(await copyIn('flat', ''), '/')).toBe(here);
});

test('every source of the bundle is watched, or a checkout would go on with a bundle of older code', () => {
  const sources = [...code.matchAll(/^\/\*\*\*\/ "\.\/([^"]+)\.ts"$/gm)].map(([, path = '']) => path);
  expect(sources).toContain('policy/life/agenda');
  expect(sources.filter((path) => !bundledFolders.includes(path.split('/')[0] ?? ''))).toEqual([]);
});

test('a bundle does not tell where it was made, or a package would', () => {
  const map = code.slice(code.lastIndexOf('base64,') + 'base64,'.length);
  expect(code + Buffer.from(map, 'base64').toString()).not.toContain(checkout);
});

test('a map of the sources is no part of the code', () => {
  const withoutMap = code.replace(/\n\/\/# sourceMappingURL=.*/, '');
  expect(withoutMap.length).toBeLessThan(code.length);
  expect(buildIdOf({ code: withoutMap })).toBe(buildIdOf({ code }));
});

test('a change of one character is another build, or policies would wake in code that cannot replay them', () => {
  const changed = code.replace('.slice(0, 250)', '.slice(0, 251)');
  expect(changed).not.toBe(code);
  expect(buildIdOf({ code: changed })).not.toBe(buildIdOf({ code }));
});
