import { conditionalStore } from '../conditional-store.ts';
import { type Format, fileDriver } from '../files/driver.ts';
import { NotToBeWritten } from '../files/place-file.ts';
import type { StoreContext } from '../kind.ts';
import type { Store } from '../store.ts';
import { type DeclaredEnvFile, envFilePromises } from './declaration.ts';
import { assignmentsIn, withLine, withoutLine } from './lines.ts';

/** A store over what is declared. */
export function openEnvFile(declared: DeclaredEnvFile, context: StoreContext): Store {
  const driver = fileDriver('env-file', declared, context, { format: variable, promises: envFilePromises });
  return conditionalStore(driver, context.time);
}

/** The last assignment of a variable counts, for all who read such files. */
const variable: Format = {
  read(content, field) {
    const held = assignmentsIn(textOf(content)).findLast(({ name }) => name === nameIn(field));
    return held === undefined ? { value: null, memento: null } : { value: held.value, memento: held.raw };
  },
  written(content, field, value) {
    const text = textOf(content);
    const name = nameIn(field);
    const held = assignmentsIn(text).findLast((one) => one.name === name);
    const line =
      held === undefined ? `${name}=${quoted(value, '')}` : `${held.before}${quoted(value, held.quote)}${held.after}`;
    return Buffer.from(withLine(text, held, line));
  },
  putBack(content, field, memento) {
    const text = textOf(content);
    const held = assignmentsIn(text).findLast(({ name }) => name === nameIn(field));
    if (held === undefined) return content;
    if (memento !== null) return Buffer.from(withLine(text, held, String(memento)));
    const rest = withoutLine(text, held);
    // The file was made for it.
    return rest === '' ? null : Buffer.from(rest);
  },
};

function nameIn(field: string | null): string {
  if (field === null) throw new NotToBeWritten('say which variable, as field');
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(field)) throw new NotToBeWritten('its field is no name of a variable');
  return field;
}

function textOf(content: Buffer | null): string {
  if (content === null) return '';
  const text = content.toString('utf8');
  if (!Buffer.from(text).equals(content)) throw new NotToBeWritten('it holds no text');
  if (/^sops_|^(export\s+)?DOTENV_PUBLIC_KEY|=\s*"?(encrypted:|ENC\[)/m.test(text)) {
    throw new NotToBeWritten('it is encrypted by another tool (sops, dotenvx), which would not know the new value');
  }
  return text;
}

/** As it stood, where the value is plain; what a shell or a parser could take apart stands in single quotes. */
function quoted(value: string, quote: string): string {
  if (/^[A-Za-z0-9._-]*$/.test(value)) return `${quote}${value}${quote}`;
  if (/['\\\p{Cc}]/u.test(value)) throw new NotToBeWritten('the value has characters that parsers read differently');
  return `'${value}'`;
}
