import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { closureOf, importsIn } from '../imports.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What each folder may import of the project (docs/architecture.md). `types` are erased: they add no code. */
const rule: Record<string, { code: string[]; types?: string[] }> = {
  errors: { code: [] },
  files: { code: [] },
  policy: { code: [] },
  secrets: { code: ['errors'], types: ['policy', 'keyring'] },
  keyring: { code: ['errors', 'files', 'secrets'] },
  codec: { code: ['errors', 'secrets', 'keyring'] },
  'codec-server': { code: ['errors', 'codec', 'secrets', 'keyring', 'config'] },
  openrouter: { code: ['errors', 'secrets'], types: ['policy'] },
  vault: { code: ['errors', 'secrets', 'keyring'] },
  stores: { code: ['errors', 'files', 'secrets', 'keyring', 'vault'], types: ['policy'] },
  config: { code: ['errors', 'policy', 'secrets', 'stores'] },
  connections: { code: ['errors', 'secrets', 'keyring', 'config', 'openrouter', 'vault', 'stores'] },
  machine: { code: ['errors', 'secrets', 'keyring', 'config', 'stores', 'connections'] },
  engine: { code: ['errors', 'files', 'config'] },
  simulator: { code: [] },
  workflows: { code: ['errors', 'policy'], types: ['activities'] },
  activities: { code: ['errors', 'policy', 'secrets', 'keyring', 'openrouter', 'stores'] },
  client: { code: ['errors', 'policy', 'workflows', 'codec', 'keyring', 'config', 'machine'] },
  worker: {
    code: [
      ...['errors', 'policy', 'secrets', 'keyring', 'codec', 'openrouter', 'vault', 'stores', 'config', 'connections'],
      ...['machine', 'workflows', 'activities'],
    ],
  },
  cli: {
    code: [
      ...['errors', 'policy', 'secrets', 'keyring', 'codec', 'openrouter', 'vault', 'stores', 'config', 'connections'],
      ...['machine', 'engine', 'simulator', 'workflows', 'client', 'worker', 'codec-server'],
    ],
  },
};

type Crossing = { file: string; from: string; to: string; typeOnly: boolean };

/** Every import of another project folder, static or dynamic. */
function crossingsIn(file: string, text: string): Crossing[] {
  return importsIn(text).flatMap(({ specifier, typeOnly }) => {
    const to = folderOf(relative(root, resolve(root, dirname(file), specifier)));
    const from = folderOf(file);
    return to === from ? [] : [{ file, from, to, typeOnly }];
  });
}

function folderOf(path: string): string {
  return path.split('/')[0] ?? '';
}

function isAllowed({ from, to, typeOnly }: Crossing): boolean {
  const allowed = rule[from];
  return allowed === undefined || allowed.code.includes(to) || (typeOnly && allowed.types?.includes(to) === true);
}

const sources = Object.keys(rule).flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
);

describe('the dependency rule', () => {
  test('no folder imports what it must not', () => {
    const broken = sources
      .flatMap((file) => crossingsIn(file, readFileSync(join(root, file), 'utf8')))
      .filter((one) => !isAllowed(one))
      .map(({ file, to, typeOnly }) => `${file} imports ${typeOnly ? 'types of ' : ''}${to}/`);
    expect(broken).toEqual([]);
  });

  test('the check sees an import that breaks it', () => {
    const breaking = [
      "import { createKey } from '../activities/create-key.ts';",
      "const later = await import('../worker/create-worker.ts');",
      "import '../stores/local-vault.ts';",
      "export { seal } from '../secrets/seal.ts';",
    ].join('\n');
    expect(
      crossingsIn('policy/x.ts', breaking)
        .filter((one) => !isAllowed(one))
        .map(({ to }) => to),
    ).toEqual(['activities', 'worker', 'stores', 'secrets']);
    expect(crossingsIn('workflows/x.ts', "import type { A } from '../activities/index.ts';").every(isAllowed)).toBe(
      true,
    );
    expect(crossingsIn('workflows/x.ts', "import { a } from '../activities/index.ts';").every(isAllowed)).toBe(false);
  });

  test('workflow code reads no clock and no time zone of the process, and carries no zod', () => {
    const pulledIn = bundled();
    const forbidden = /Temporal\.Now|Intl\.DateTimeFormat\(|from '(zod|yaml|temporal-polyfill)|process\.env/;
    const broken = pulledIn.filter((file) => forbidden.test(readFileSync(join(root, file), 'utf8')));
    expect(pulledIn).toContain('policy/life/agenda.ts');
    expect(broken).toEqual([]);
  });
});

test('workflow code keeps nothing at the top of a module that changes: all policies of a worker share it', () => {
  const changing = /^(?:export )?(?:let|var) |^(?:export )?const \w+ = new (?:Map|Set|WeakMap)\b/m;
  const broken = bundled().filter((file) => changing.test(readFileSync(join(root, file), 'utf8')));
  expect(broken).toEqual([]);
  expect('let count = 0;').toMatch(changing);
});

/** The files whose code, not only types, ends up in the workflow bundle. */
function bundled(): string[] {
  return [...closureOf(join(root, 'workflows/index.ts'))].map((file) => relative(root, file));
}
