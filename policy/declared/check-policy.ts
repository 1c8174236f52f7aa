import { z } from 'zod';
import type { Hint } from './field-hints.ts';
import type { Policy } from './policy.ts';
import { fieldWords, policyFile, toPolicy } from './schema.ts';
import { printable, showValue } from './show-value.ts';
import { suggest } from './suggest.ts';

/** What is wrong with one field, in words: `<field>  <wrong>; <allowed>`. */
export type FieldProblem = {
  path: readonly (string | number)[];
  /** The field's name itself is wrong, not its value. */
  unknown: boolean;
  wrong: string;
  allowed: string;
};

/** The policy that `content` declares, or all that is wrong with it: at most one problem a field. */
export function checkPolicy(content: unknown): { policy: Policy } | { problems: FieldProblem[] } {
  if (typeof content !== 'object' || content === null) return { problems: [notAPolicy] };
  const read = policyFile.safeParse(content, { reportInput: true });
  if (read.success) return { policy: toPolicy(read.data) };
  const problems = new Map<string, FieldProblem>();
  for (const problem of read.error.issues.flatMap(inWords)) {
    const field = JSON.stringify(problem.path);
    if (!problems.has(field)) problems.set(field, problem);
  }
  return { problems: [...problems.values()] };
}

/** A line for each problem: `grace  is missing; a whole number and …`. */
export function problemLines(problems: readonly FieldProblem[]): string {
  const line = ({ path, wrong, allowed }: FieldProblem) =>
    [path.join('.'), `${wrong}; ${allowed}`].filter((part) => part !== '').join('  ');
  return problems.map(line).join('\n');
}

/** A file that is one value may be anything, a token for instance: it is not shown. */
const notAPolicy: FieldProblem = {
  path: [],
  unknown: false,
  wrong: 'is not a policy',
  allowed: 'a map of name, connection, schedule, key and secret',
};

function inWords(issue: z.core.$ZodIssue): FieldProblem[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  if (issue.code === 'unrecognized_keys') return issue.keys.map((field) => unknownField(path, field));
  const words = fieldWords.get(schemaAt(path)) ?? { is: 'allowed here', allowed: 'see docs/policy.md' };
  const given =
    issue.code === 'custom' ? (issue.params as { wrong?: string; allowed?: string } | undefined) : undefined;
  const better = given ?? keyHint(issue.input) ?? words.hint?.(issue.input);
  const wrong = better?.wrong ?? plainly(issue.input, words.is);
  return [{ path, unknown: false, wrong: printable(wrong), allowed: printable(better?.allowed ?? words.allowed) }];
}

const keyHint: Hint = (value) =>
  typeof value === 'string' && /sk-or-/i.test(value)
    ? {
        wrong: 'holds what looks like an OpenRouter key',
        allowed: 'no key stands in a policy: keyturn connection add takes it. Revoke it if this file was shared',
      }
    : undefined;

function plainly(value: unknown, is: string): string {
  if (value === undefined) return 'is missing';
  if (value === null || value === '') return 'is empty';
  return `${showValue(value)} is not ${is}`;
}

function unknownField(path: readonly (string | number)[], field: string): FieldProblem {
  const here = fieldsOf(schemaAt(path));
  // The right word in the wrong map is as common as the wrong word.
  const meant = [{ name: '', fields: here }, ...places].flatMap(({ name, fields }) => {
    const nearest = suggest(field, fields);
    return nearest === undefined ? [] : [`${name}${nearest}`];
  });
  const allowed = meant[0] === undefined ? `one of ${here.join(', ')}` : `did you mean ${meant[0]}?`;
  return { path: [...path, field], unknown: true, wrong: 'is not a field', allowed };
}

/** The schema of the field at `path`, as it was registered with its words. */
function schemaAt(path: readonly (string | number)[]): z.core.$ZodType {
  let schema: z.core.$ZodType = policyFile;
  for (const step of path) {
    const inner = bare(schema);
    if (inner instanceof z.ZodObject) schema = inner.shape[step] ?? inner;
    if (inner instanceof z.ZodArray) schema = inner.element;
  }
  return schema;
}

function bare(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? bare(schema.unwrap()) : schema;
}

function fieldsOf(schema: z.core.$ZodType): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

const places = ['schedule', 'key', 'secret'].map((name) => ({ name: `${name}.`, fields: fieldsOf(schemaAt([name])) }));
