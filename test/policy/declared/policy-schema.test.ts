import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { formatProblems } from '../../../policy/declared/format-problems.ts';
import { readPolicies } from '../../../policy/declared/policy-file.ts';
import { policySchemaFile, policySchemaText } from '../../../scripts/generate-policy-schema.ts';

const page = readFileSync(new URL('../../../docs/policy.md', import.meta.url), 'utf8');

test('docs/policy.schema.json is current (node scripts/generate-policy-schema.ts makes it so)', () => {
  expect(readFileSync(policySchemaFile, 'utf8')).toBe(policySchemaText());
});

test('docs/policy.md explains every field and gives its default', () => {
  const fields: string[] = [];
  const visit = (schema: Field, path: string) => {
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      const here = path === '' ? name : `${path}.${name}`;
      if (field.properties !== undefined) visit(field, here);
      else fields.push(`\`${here}\` | ${field.default === undefined ? '' : `\`${shown(field.default)}\``}`);
    }
  };
  visit(JSON.parse(policySchemaText()) as Field, '');
  expect(fields).toContain('`grace` | `24h`');
  expect(fields.filter((field) => !page.includes(`| ${field}`))).toEqual([]);
});

test('the examples of docs/policy.md can be applied as they stand', () => {
  const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);
  expect(examples.length).toBeGreaterThan(1);
  for (const text of examples.filter((example) => parseAllDocuments(example)[0]?.has('connection'))) {
    const result = readPolicies([{ file: 'docs/policy.md', text }]);
    expect('problems' in result ? formatProblems(result.problems) : '').toBe('');
  }
});

type Field = { properties?: Record<string, Field>; default?: unknown };

const shown = (value: unknown) => (Array.isArray(value) ? `[${value.join(', ')}]` : String(value));
