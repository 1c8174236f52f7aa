import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseAllDocuments,
  type YAMLError,
} from 'yaml';
import { printable } from './show-value.ts';

export type Path = readonly (string | number)[];

/** Counted from 1, as editors do. */
export type Position = { line: number; column: number };

export type YamlProblem = Position & { path: Path; wrong: string; allowed: string };

/** One document of a file: its content as plain data, and where a path of it stands in the text. */
export type YamlDocument = { content: unknown; whereIs: (path: Path, of: 'name' | 'value') => Position };

/** More than any policy needs, and so little that no walk over a document takes long or exhausts the stack. */
const deepest = 20;
const longest = 200;

/**
 * The documents of a YAML (or JSON) text that are not empty, and what is wrong with the others.
 *
 * Not left to the parser: duplicate keys (its check takes a minute for a file of 1 MiB) and aliases (a few lines of them
 * can stand for gigabytes). The parser's pretty errors are off, as they quote the text, and with it what must not be shown.
 */
export function readYamlDocuments(text: string): { documents: YamlDocument[]; problems: YamlProblem[] } {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error',
  });
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const documents: YamlDocument[] = [];
  const problems: YamlProblem[] = [];
  const report = (offset: number, problem: Pick<YamlProblem, 'path' | 'wrong' | 'allowed'>) =>
    problems.push({ ...position(offset), ...problem });
  // What a parser reports after it has lost its way helps nobody: the first of each document will do.
  const lost = ({ errors, warnings }: { errors: YAMLError[]; warnings: YAMLError[] }) => errors[0] ?? warnings[0];

  if ('empty' in parsed) {
    const error = lost(parsed);
    if (error !== undefined) report(error.pos[0], syntaxInWords(error));
    return { documents, problems };
  }
  for (const document of parsed) {
    const error = lost(document);
    const root = document.contents;
    if (error !== undefined) {
      report(error.pos[0], syntaxInWords(error));
    } else if (root !== null && !(isScalar(root) && root.value === null)) {
      const flaws = flawsIn(root);
      for (const flaw of flaws) report(flaw.offset, { path: flaw.path, wrong: flaw.wrong, allowed: flaw.allowed });
      if (flaws.some(({ fatal }) => fatal)) continue;
      const whereIs: YamlDocument['whereIs'] = (path, of) => position(offsetOf(root, path, of));
      documents.push({ content: document.toJS(), whereIs });
    }
  }
  return { documents, problems };
}

function syntaxInWords({ code, message }: YAMLError): Pick<YamlProblem, 'path' | 'wrong' | 'allowed'> {
  if (code === 'RESOURCE_EXHAUSTION') return { path: [], ...tooDeep };
  if (code === 'TAB_AS_INDENT') return { path: [], wrong: 'a tab indents this line', allowed: 'spaces only' };
  const [first = ''] = message.split('\n');
  const wrong = `is not YAML here: ${printable(first.slice(0, 120))}`;
  return { path: [], wrong, allowed: 'see the example in docs/policy.md' };
}

const tooDeep = { wrong: 'is nested too deeply', allowed: 'no field of a policy is more than three levels deep' };

const tooLong = { wrong: `has more than ${longest} entries`, allowed: 'see the example in docs/policy.md' };

type Flaw = { offset: number; path: Path; wrong: string; allowed: string; fatal: boolean };

/** What YAML allows and a policy does not. After a fatal one the content must not even be looked at. */
function flawsIn(node: unknown, path: Path = []): Flaw[] {
  const offset = startOf(node);
  if (isAlias(node)) {
    const flaw = { wrong: 'is an alias (*)', allowed: 'the value itself, written out' };
    return [{ offset, path, ...flaw, fatal: true }];
  }
  if (path.length > deepest) return [{ offset, path: path.slice(0, 3), ...tooDeep, fatal: true }];
  if ((isSeq(node) || isMap(node)) && node.items.length > longest) return [{ offset, path, ...tooLong, fatal: true }];
  if (isSeq(node)) return node.items.flatMap((item, index) => flawsIn(item, [...path, index]));
  if (!isMap(node)) return [];
  const seen = new Set<string>();
  return node.items.flatMap((pair) => {
    const name = nameOf(pair);
    if (name === undefined) {
      const flaw = { wrong: 'has a field whose name is not plain text', allowed: 'see the example in docs/policy.md' };
      return [{ offset: startOf(pair.key), path, ...flaw, fatal: true }];
    }
    const here = [...path, name];
    const twice = { wrong: 'stands here for the second time', allowed: 'each field once' };
    const flaws = seen.has(name) ? [{ offset: startOf(pair.key), path: here, ...twice, fatal: false }] : [];
    seen.add(name);
    return [...flaws, ...flawsIn(pair.value, here)];
  });
}

function offsetOf(root: unknown, path: Path, of: 'name' | 'value'): number {
  let offset = startOf(root);
  let node = root;
  for (const [depth, step] of path.entries()) {
    const isLast = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => nameOf(item) === step);
      if (pair === undefined) return offset;
      node = pair.value;
      // A map or list begins on the line below its name, where a missing field of it cannot be pointed at.
      const useName = (isLast && of === 'name') || !isScalar(node);
      offset = startOf(useName ? pair.key : node);
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = startOf(node);
    }
  }
  return offset;
}

function nameOf(pair: Pair): string | undefined {
  return isScalar(pair.key) ? String(pair.key.value) : undefined;
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}
