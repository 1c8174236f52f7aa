import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { fault } from '../errors/keyturn-error.ts';
import { formatProblems } from '../policy/declared/format-problems.ts';
import { printable } from '../policy/declared/show-value.ts';
import { suggest } from '../policy/declared/suggest.ts';
import { type Path, readYamlDocuments } from '../policy/declared/yaml-documents.ts';
import { referenceFields } from '../secrets/secret-reference.ts';
import { type DeclaredStore, storeEntry, storeFields, storeName } from '../stores/declared-store.ts';
import { connectionEntry, connectionFields, connectionName, type DeclaredConnection } from './declared-connection.ts';

/** What `keyturn.yaml` says. `file`: where it was found; undefined where there is none, which is fine. */
export type KeyturnYaml = {
  file: string | undefined;
  connections: ReadonlyMap<string, DeclaredConnection>;
  stores: ReadonlyMap<string, DeclaredStore>;
};

/** Where the file is looked for: `KEYTURN_CONFIG` of `env` (then it must be there), else in `cwd`, else in `configDir`. */
export type KeyturnYamlPlaces = {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  configDir: string;
};

const fileName = 'keyturn.yaml';
const topFields = ['connections', 'stores'] as const;
const content = z.strictObject(
  {
    connections: z
      .record(connectionName, connectionEntry, { error: 'is not a map; NAME: { env: VARIABLE }' })
      .nullish(),
    stores: z.record(storeName, storeEntry, { error: 'is not a map; NAME: { kind: KIND, … }' }).nullish(),
  },
  { error: 'is not a map; its fields: connections, stores' },
);

/**
 * Reads the first `keyturn.yaml` that is found.
 *
 * @throws KEYTURN_CONFIG_INVALID with file, line, path, what is wrong and what is allowed, for every problem of it
 * @throws KEYTURN_FILE_UNREADABLE it is there (or named by `KEYTURN_CONFIG`) and cannot be read
 */
export async function readKeyturnYaml({ env, cwd, configDir }: KeyturnYamlPlaces): Promise<KeyturnYaml> {
  if (env.KEYTURN_CONFIG) {
    const file = resolve(cwd, env.KEYTURN_CONFIG);
    const text = await textOf(file);
    if (text === undefined) throw fault('KEYTURN_FILE_UNREADABLE', file, 'KEYTURN_CONFIG names it and it is not there');
    return { file, ...contentOf(file, text) };
  }
  for (const folder of [cwd, configDir]) {
    const file = join(folder, fileName);
    const text = await textOf(file);
    if (text !== undefined) return { file, ...contentOf(file, text) };
  }
  return { file: undefined, ...nothing };
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw fault('KEYTURN_FILE_UNREADABLE', file, code ?? 'unknown error');
  }
}

const nothing: Omit<KeyturnYaml, 'file'> = { connections: new Map(), stores: new Map() };

function contentOf(file: string, text: string): Omit<KeyturnYaml, 'file'> {
  const { documents, problems } = readYamlDocuments(text);
  // The reader's own pointers lead to the page about policies.
  const pointed = problems.map((problem) => (problem.path.length === 0 ? { ...problem, allowed: seeDocs } : problem));
  if (pointed.length > 0) throw invalid(file, pointed);
  const [document, second] = documents;
  if (second) throw invalid(file, [{ ...second.whereIs([], 'value'), ...oneDocument }]);
  if (!document) return nothing;

  const read = content.safeParse(document.content);
  if (!read.success) {
    const found = read.error.issues.flatMap((issue) => inWords(issue, document.content));
    throw invalid(
      file,
      found.map((problem) => ({ ...document.whereIs(problem.path, problem.of), ...problem })),
    );
  }
  const connections = Object.entries(read.data.connections ?? {});
  return {
    connections: new Map(connections.map(([name, entry]) => [name, declared(entry, dirname(file))])),
    stores: new Map(Object.entries(read.data.stores ?? {})),
  };
}

const referenceNames = Object.keys(referenceFields);

const seeDocs = 'see the example in docs/configuration.md';
const oneDocument = { path: [], wrong: 'is a second document (---)', allowed: 'one' };

function declared({ env, file, ...rest }: z.output<typeof connectionEntry>, folder: string): DeclaredConnection {
  const { baseUrl, requestsPerSecond } = rest;
  const at = {
    ...(baseUrl === undefined ? {} : { baseUrl }),
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
  };
  if (env !== undefined) return { ...at, source: 'env', variable: env };
  return { ...at, source: 'file', path: resolve(folder, String(file)) };
}

type InWords = { path: Path; of: 'name' | 'value'; wrong: string; allowed: string };

function inWords(issue: z.core.$ZodIssue, content: unknown): InWords[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'unrecognized_keys') {
    const fields = fieldsAt(path, content);
    return issue.keys.map((field) => {
      const meant = suggest(field, fields);
      const allowed = meant === undefined ? `one of ${fields.join(', ')}` : `did you mean ${meant}?`;
      return { path: [...path, field], of: 'name', wrong: 'is not a field', allowed };
    });
  }
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  const [wrong = '', ...allowed] = message.split('; ');
  return [{ path, of: issue.code === 'invalid_key' ? 'name' : 'value', wrong, allowed: allowed.join('; ') }];
}

function fieldsAt([top, name, ...deeper]: Path, content: unknown): readonly string[] {
  if (top === undefined) return topFields;
  if (top === 'connections') return connectionFields;
  const { stores } = (content ?? {}) as { stores?: Record<string, unknown> };
  return deeper.length === 0 ? storeFields(stores?.[String(name)]) : referenceNames;
}

type Found = { line: number; column: number; path: Path; wrong: string; allowed: string };

function invalid(file: string, found: Found[]) {
  const problems = found
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
    .map(({ line, column, path, wrong, allowed }) => {
      return { file, line, column, path: printable(path.join('.')), wrong, allowed };
    });
  return fault('KEYTURN_CONFIG_INVALID', formatProblems(problems));
}
