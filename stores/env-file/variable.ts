import type { Format } from '../files/driver.ts';
import { encryptedInWords, isEncrypted } from '../files/encrypted.ts';
import { NotToBeWritten } from '../files/real-path.ts';
import type { Memento } from '../store.ts';
import { type Assignment, assignmentsIn, byteOrderMark, lineWith, withLine, withoutLine } from './lines.ts';
import { isReadAlike } from './readers.ts';

/** `line` null: the variable was not there. `made` then: nor was the file. */
type Before = { line: string | null; made: boolean };

/** One line of a file. Of several for the same variable the last counts, for all who read such files. */
export const variable: Format = {
  read(content, field) {
    const held = lineOf(textOf(content), nameIn(field));
    const before: Before = { line: held?.raw ?? null, made: content === null };
    return { value: held === undefined ? null : utf8(held.value), memento: before as unknown as Memento };
  },

  written(content, field, value) {
    const text = textOf(content);
    const name = nameIn(field);
    const held = lineOf(text, name);
    const quoted = byteText(inQuotes(value, held?.quote ?? ''));
    const after = withLine(text, held, held === undefined ? `${name}=${quoted}` : lineWith(held, quoted));
    if (!isReadAlike(readable(text), readable(after), name, value)) {
      const where = held === undefined ? 'it' : `its line of ${name}`;
      throw new NotToBeWritten(
        `programs would not all read ${where} alike; write ${name}=… on a line of its own, and close every quote`,
      );
    }
    return bytesOf(after);
  },

  putBack(content, field, memento) {
    const { line, made } = memento as unknown as Before;
    const text = textOf(content);
    const held = lineOf(text, nameIn(field));
    if (held === undefined) return content;
    if (line !== null) return bytesOf(withLine(text, held, line));
    const rest = withoutLine(text, held);
    return made && rest === '' ? null : bytesOf(rest);
  },

  takenAway(content, field) {
    const text = textOf(content);
    const held = lineOf(text, nameIn(field));
    return held === undefined ? content : bytesOf(withoutLine(text, held));
  },

  warnings(content, field) {
    const text = textOf(content);
    const name = nameIn(field);
    const lines = assignmentsIn(text).filter((one) => one.name === name);
    const warnings = [];
    if (lines.length > 1) {
      warnings.push(`It has ${lines.length} lines for ${name}; the last one counts, and is the one that is written.`);
    }
    if (lines.at(-1)?.start === byteOrderMark.length && text.startsWith(byteOrderMark)) {
      const spoils = `It begins with a byte order mark, which is part of the name ${name} for Node and for shells`;
      warnings.push(`${spoils}; save it without one.`);
    }
    return warnings;
  },
};

function lineOf(text: string, name: string): Assignment | undefined {
  return assignmentsIn(text).findLast((one) => one.name === name);
}

function nameIn(field: string | null): string {
  if (field === null) throw new NotToBeWritten('say which variable, as field: OPENROUTER_API_KEY');
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(field)) throw new NotToBeWritten('its field is no name of a variable');
  return field;
}

/** A character for each byte: lines in another encoding stay what they are. */
function textOf(content: Buffer | null): string {
  const text = content?.toString('latin1') ?? '';
  if (text.includes('\0')) throw new NotToBeWritten('it is no text, or in UTF-16');
  if (isEncrypted(text)) throw new NotToBeWritten(encryptedInWords);
  return text;
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function byteText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function utf8(text: string): string {
  return bytesOf(text).toString('utf8');
}

/** As programs have it once it is read, less the mark that is no part of any line. */
function readable(text: string): string {
  return utf8(text.startsWith(byteOrderMark) ? text.slice(byteOrderMark.length) : text);
}

/** As it stood, where the value is plain; what a shell or a parser could take apart stands in single quotes. */
function inQuotes(value: string, quote: string): string {
  if (/^[A-Za-z0-9._-]+$/.test(value)) return `${quote}${value}${quote}`;
  if (/['\\\p{Cc}\u2028\u2029]/u.test(value)) {
    throw new NotToBeWritten('the value has characters that programs read differently');
  }
  return `'${value}'`;
}
