import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { fault } from '../errors/keyturn-error.ts';
import { formatProblems } from '../policy/declared/format-problems.ts';
import { printable } from '../policy/declared/show-value.ts';
import { suggest } from '../policy/declared/suggest.ts';
import { type Path, readYamlDocuments } from '../policy/declared/yaml-documents.ts';
import { referenceFields, type SecretReference, secretReference } from '../secrets/secret-reference.ts';
import { type DeclaredStore, storeEntry, storeFields, storeName } from '../stores/declared-store.ts';
import { circleFrom, storesNamedIn } from './credential-circles.ts';
import { connectionEntry, connectionFields, connectionName, type DeclaredConnection } from './declared-connection.ts';

/** What `keyturn.yaml` says. `file`: where it was found; undefined where there is none, which is fine. */
export type KeyturnYaml = {
  file: string | undefined;
  /** Where the keyring is kept, where that is not the data folder. */
  keyring: SecretReference | undefined;
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
const topFields = ['keyring', 'connections', 'stores'] as const;
const content = z
  .strictObject(
    {
      keyring: secretReference.nullish(),
      connections: z
        .record(connectionName, connectionEntry, { error: 'is not a map; NAME: { env: VARIABLE }' })
        .nullish(),
      stores: z.record(storeName, storeEntry, { error: 'is not a map; NAME: { kind: KIND, … }' }).nullish(),
    },
    { error: `is not a map; its fields: ${topFields.join(', ')}` },
  )
  .superRefine(({ keyring, connections, stores }, { addIssue }) => {
    const declared = Object.keys(stores ?? {});
    const mustBeThere = (path: string[], reference: SecretReference) => {
      if (reference.source !== 'store' || declared.includes(reference.store)) return;
      const oneOf = declared.length === 0 ? 'declare it below stores' : `one of ${declared.join(', ')}`;
      const message = `names store "${reference.store}", which is not declared here; ${oneOf}`;
      addIssue({ code: 'custom', path, message });
    };
    if (keyring) mustBeThere(['keyring'], keyring);
    for (const [name, entry] of Object.entries(connections ?? {})) {
      mustBeThere(['connections', name], entry);
    }
    for (const name of declared) {
      for (const other of storesNamedIn(stores?.[name]?.content)) {
        mustBeThere(['stores', name], { source: 'store', store: other, name: '', field: null });
      }
      const circle = circleFrom(name, stores ?? {});
      if (circle?.at(-1) !== name) continue;
      const message = `has credentials that would have to come from itself (${circle.join(' → ')}); env or file for one of them`;
      addIssue({ code: 'custom', path: ['stores', name], message });
    }
  });

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

const nothing: Omit<KeyturnYaml, 'file'> = { keyring: undefined, connections: new Map(), stores: new Map() };

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
  const { keyring } = read.data;
  const connections = Object.entries(read.data.connections ?? {});
  return {
    keyring: keyring ? from(dirname(file), keyring) : undefined,
    connections: new Map(connections.map(([name, entry]) => [name, from(dirname(file), entry)])),
    stores: new Map(Object.entries(read.data.stores ?? {})),
  };
}

const referenceNames = Object.keys(referenceFields);

const seeDocs = 'see the example in docs/configuration.md';
const oneDocument = { path: [], wrong: 'is a second document (---)', allowed: 'one' };

/** Relative paths are meant from the folder of the file that they stand in. */
function from<Reference extends SecretReference>(folder: string, reference: Reference): Reference {
  return reference.source === 'file' ? { ...reference, path: resolve(folder, reference.path) } : reference;
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
  if (top === 'keyring') return referenceNames;
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
