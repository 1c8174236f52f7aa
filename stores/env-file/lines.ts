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

/** The mark of byte order as it is in text that has a character for each byte. */
export const byteOrderMark = '\xEF\xBB\xBF';

const assignment = /^([ \t]*(?:export[ \t]+)?)([\w.-]+)([ \t]*=[ \t]*)([^\r\n]*)$/;

/**
 * The assignments of the text in their order. A quoted value may go over several lines: what looks like an assignment
 * within is none.
 *
 * @param text a character for each byte, so that what is no UTF-8 is kept
 */
export function assignmentsIn(text: string): Assignment[] {
  const found: Assignment[] = [];
  const first = text.startsWith(byteOrderMark) ? byteOrderMark.length : 0;
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
  // What follows a # is a comment, for dotenv and Node also without a space before it.
  const value = /^[^#]*?(?=[ \t]*(?:#|$))/.exec(rest)?.[0] ?? '';
  const raw = text.slice(start, end);
  if (value !== '') return { name, value, quote: '', before, after: rest.slice(value.length), raw, start, end };
  // A value that comes after spaces is a command to a shell: those before a comment stay before it.
  const tight = before.trimEnd();
  return { name, value, quote: '', before: tight, after: raw.slice(tight.length), raw, start, end };
}

/** -1: it is never closed by what ends the line, and the quote is a character like others. */
function closingQuote(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\' && quote === '"') at++;
    else if (text[at] === quote) return /^[ \t]*(#|$)/.test(text.slice(at + 1, lineEnd(text, at))) ? at : -1;
  }
  return -1;
}

/** The line with another value, which a shell must not take a comment behind it for a part of. */
export function lineWith({ before, after }: Assignment, value: string): string {
  return `${before}${value}${after.startsWith('#') ? ' ' : ''}${after}`;
}

/** The text with `line` in place of the assignment; without one, at its end, as its lines end. */
export function withLine(text: string, held: Assignment | undefined, line: string): string {
  if (held !== undefined) return text.slice(0, held.start) + line + text.slice(held.end);
  const ending = /\r?\n/.exec(text)?.[0] ?? '\n';
  if (text === '') return `${line}${ending}`;
  return text.endsWith('\n') ? `${text}${line}${ending}` : `${text}${ending}${line}`;
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
