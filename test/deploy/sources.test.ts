import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { include } = parse(readFileSync(`${root}tsconfig.build.json`, 'utf8')) as { include: string[] };
const sources = include.flatMap((folder) =>
  readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`),
);

// `secrets/` is a folder of sources and, beside a compose file, one of certificates and passwords.

test('the image is built with every source, and without the secrets that lie beside them', () => {
  const ignored = ignoredBy(readFileSync(`${root}.dockerignore`, 'utf8'));
  expect(sources).toContain('secrets/secret.ts');
  expect(sources.filter(ignored)).toEqual([]);
  expect(ignored('secrets/openrouter-management-key')).toBe(true);
  expect(ignored('secrets/client.key')).toBe(true);
});

test('git takes every source, and none of the secrets', () => {
  const ignored = (paths: string[]) => {
    try {
      const args = ['check-ignore', '--no-index', '--stdin'];
      return execFileSync('git', args, { cwd: root, input: paths.join('\n'), encoding: 'utf8' })
        .trim()
        .split('\n');
    } catch {
      return []; // exit code 1: none of them
    }
  };
  expect(ignored(sources)).toEqual([]);
  expect(ignored(['secrets/client.key'])).toEqual(['secrets/client.key']);
});

/** As Docker reads it: the last line that fits decides, `*` stops at a slash, a folder stands for what is in it. */
function ignoredBy(text: string): (path: string) => boolean {
  const lines = text.split('\n').filter((line) => line !== '');
  const rules = lines.map((line) => {
    const pattern = line.replace(/^!/, '').replaceAll('.', '\\.').replaceAll('*', '[^/]*');
    return { ignores: !line.startsWith('!'), fits: new RegExp(`^${pattern}(/|$)`) };
  });
  return (path) => rules.findLast(({ fits }) => fits.test(path))?.ignores ?? false;
}
