/** One assignment of a `.env` file: `before value after` is its line, or its lines where the quotes span several. */
export type Assignment = {
  name: string;
  value: string;
  quote: string;
  /** What stands before the value and its quotes, and behind them. */
  before: string;
  after: string;
  raw: string;
  /** Where `raw` begins in the text, and where it ends, without its line end. */
  start: number;
  end: number;
};

const assignment = /^([ \t]*(?:export[ \t]+)?)([A-Za-z_][A-Za-z0-9_.]*)([ \t]*=[ \t]*)(.*)$/;

/**
 * The assignments of the text in their order, as dotenv, Node and a shell agree on them. A quoted value may go over several
 * lines: what looks like an assignment within is none.
 */
export function assignmentsIn(text: string): Assignment[] {
  const found: Assignment[] = [];
  const first = text.startsWith('\uFEFF') ? 1 : 0;
  for (let start = first; start < text.length; ) {
    const end = lineEnd(text, start);
    const parts = assignment.exec(text.slice(start, end));
    const one = parts === null ? null : assignmentAt(text, start, end, parts);
    if (one !== null) found.push(one);
    start = afterLine(text, one?.end ?? end);
  }
  return found;
}

function assignmentAt(text: string, start: number, end: number, parts: RegExpExecArray): Assignment {
  const [, indent = '', name = '', sign = '', rest = ''] = parts;
  const before = `${indent}${name}${sign}`;
  const quote = /^["'`]/.exec(rest)?.[0] ?? '';
  const opening = start + before.length + 1;
  const closing = quote === '' ? -1 : closingQuote(text, opening, quote);
  if (closing >= 0) {
    const stop = lineEnd(text, closing);
    const raw = text.slice(start, stop);
    const after = text.slice(closing + 1, stop);
    return { name, value: text.slice(opening, closing), quote, before, after, raw, start, end: stop };
  }
  // What follows a # is a comment, for dotenv also without a space before it.
  const value = /^[^#]*?(?=[ \t]*(?:#|$))/.exec(rest)?.[0] ?? '';
  return { name, value, quote: '', before, after: rest.slice(value.length), raw: text.slice(start, end), start, end };
}

/** -1: it is never closed, and the quote is a character like others. */
function closingQuote(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\' && quote === '"') at++;
    else if (text[at] === quote) return at;
  }
  return -1;
}

/** The text with `line` in place of the assignment; without one, at its end, as its lines end. */
export function withLine(text: string, held: Assignment | undefined, line: string): string {
  if (held !== undefined) return text.slice(0, held.start) + line + text.slice(held.end);
  const ending = /\r?\n/.exec(text)?.[0] ?? '\n';
  if (text === '') return `${line}${ending}`;
  return /\r?\n$/.test(text) ? `${text}${line}${ending}` : `${text}${ending}${line}`;
}

/** The text without the line. One that ended the text takes along the line end that was put before it. */
export function withoutLine(text: string, { start, end }: Assignment): string {
  const next = afterLine(text, end);
  if (next > end) return text.slice(0, start) + text.slice(next);
  return text.slice(0, start).replace(/\r?\n$/, '');
}

function lineEnd(text: string, from: number): number {
  const at = text.indexOf('\n', from);
  if (at < 0) return text.length;
  return at > from && text[at - 1] === '\r' ? at - 1 : at;
}

function afterLine(text: string, end: number): number {
  return end + (/^\r?\n/.exec(text.slice(end, end + 2))?.[0].length ?? 0);
}
