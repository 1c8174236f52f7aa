import { z } from 'zod';
import { checkPolicy } from './check-policy.ts';
import { placeKey } from './place.ts';
import { placesAsWritten, placesOf } from './places-as-written.ts';
import type { Policy } from './policy.ts';
import { printable } from './show-value.ts';
import { type Path, type Position, readYamlDocuments, type YamlDocument } from './yaml-documents.ts';

/** One thing that is wrong in a policy file: where, what, and what would be right. */
export type Problem = {
  file: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
  /** Such as `schedule.timeZone` or `secret.stores[1]`; empty for the file as a whole. */
  path: string;
  wrong: string;
  allowed: string;
};

/** Of one file. Whoever has corrected these will be told of the next. */
const mostProblems = 100;

/** The size from which a file is refused unread: no list of policies comes near it, and parsing it would take seconds. */
export const maxPolicyFileBytes = 1024 * 1024;

/**
 * The policies that the files declare together, in their order, or every problem of all of them.
 *
 * A file is YAML or JSON and may hold several policies, as documents separated by `---`. Besides the form of each policy
 * it is checked that no two have one name, and that no two write the same secret into the same store.
 */
export function readPolicies(
  files: readonly { file: string; text: string }[],
): { policies: Policy[] } | { problems: Problem[] } {
  const claimed: Claimed = { names: new Map(), secrets: new Map() };
  const read = files.map(({ file, text }) => readFile(file, text, claimed));
  const problems = read.flatMap((one) => one.problems);
  return problems.length === 0 ? { policies: read.flatMap((one) => one.policies) } : { problems };
}

function readFile(file: string, text: string, claimed: Claimed): { policies: Policy[]; problems: Problem[] } {
  const policies: Policy[] = [];
  const problems: Problem[] = [];
  const report = ({ line, column }: Position, path: Path, { wrong, allowed }: { wrong: string; allowed: string }) =>
    problems.push({ file, line, column, path: printable(written(path)), wrong, allowed });
  const start = { line: 1, column: 1 };

  const bytes = Buffer.byteLength(text);
  if (bytes > maxPolicyFileBytes) {
    report(start, [], tooLarge(bytes));
    return { policies, problems };
  }
  const yaml = readYamlDocuments(text);
  for (const problem of yaml.problems.slice(0, mostProblems)) report(problem, problem.path, problem);
  if (yaml.documents.length === 0 && yaml.problems.length === 0) report(start, [], empty);
  for (const document of yaml.documents) {
    if (problems.length >= mostProblems) break;
    const checked = Array.isArray(document.content) ? { problems: [aList] } : checkPolicy(document.content);
    if ('policy' in checked) policies.push(checked.policy);
    const found = [...('problems' in checked ? checked.problems : []), ...clashes(document, file, claimed)];
    for (const problem of found) report(whereIs(document, problem), problem.path, problem);
  }
  return { policies, problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}

const whereIs = (document: YamlDocument, problem: { path: Path; unknown: boolean }) =>
  document.whereIs(problem.path, problem.unknown ? 'name' : 'value');

const tooLarge = (bytes: number) => ({
  wrong: `has ${(bytes / 1024 / 1024).toFixed(1)} MiB`,
  allowed: 'at most 1 MiB in one file',
});
const empty = { wrong: 'holds no policy', allowed: 'see the example in docs/policy.md' };
const aList = {
  path: [],
  unknown: false,
  wrong: 'is a list',
  allowed: 'one policy, or several separated by lines of ---',
};

/** What the documents so far have taken: policy names and, as store and name, secrets; each with its place. */
type Claimed = { names: Map<string, string>; secrets: Map<string, string> };

/** As little of a policy as must be right for it to be compared with others. */
const named = z.object({ name: z.string() });
const writes = z.object({
  name: z.string(),
  secret: z.object({ name: z.string(), stores: placesAsWritten.default(['local']) }),
});

function clashes(document: YamlDocument, file: string, claimed: Claimed) {
  const found: { path: Path; unknown: false; wrong: string; allowed: string }[] = [];
  const clash = (path: Path, wrong: string, allowed: string) =>
    found.push({ path, unknown: false, wrong: printable(wrong), allowed });
  const place = (path: Path) => `${file}:${document.whereIs(path, 'value').line}`;

  const { data: policy } = named.safeParse(document.content);
  if (policy === undefined) return found;
  const namesake = claimed.names.get(policy.name);
  if (namesake !== undefined) {
    clash(['name'], `"${policy.name}" is declared already in ${namesake}`, 'a name of its own for each policy');
    return found;
  }
  claimed.names.set(policy.name, place(['name']));

  const { data: writer } = writes.safeParse(document.content);
  const places = writer === undefined ? [] : placesOf(writer.secret.stores, writer.secret.name);
  for (const target of new Set(places.map(placeKey))) {
    const owner = claimed.secrets.get(target);
    if (owner === undefined) {
      claimed.secrets.set(target, `policy ${policy.name} in ${place(['secret', 'name'])}`);
    } else {
      clash(['secret', 'name'], `${target} is written by ${owner}`, 'a place of its own for each');
    }
  }
  return found;
}

function written(path: Path): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}
