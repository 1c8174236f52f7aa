import { conditionalStore } from '../conditional-store.ts';
import { type Format, fileDriver } from '../files/driver.ts';
import { NotToBeWritten } from '../files/place-file.ts';
import type { StoreContext } from '../kind.ts';
import type { Store } from '../store.ts';
import { type DeclaredFile, filePromises } from './declaration.ts';

/** A store over what is declared. */
export function openFile(declared: DeclaredFile, context: StoreContext): Store {
  return conditionalStore(
    fileDriver('file', declared, context, { format: whole, promises: filePromises }),
    context.time,
  );
}

/** A final newline is the file's, not the secret's: editors and `echo` leave one, and readers take it away. */
const whole: Format = {
  read(content, field) {
    if (field !== null) throw new NotToBeWritten('a plain file has no fields; a store of kind env-file has');
    if (content === null) return { value: null, memento: null };
    const text = content.toString('utf8');
    if (!Buffer.from(text).equals(content)) throw new NotToBeWritten('it holds no text');
    return { value: text.replace(/\r?\n$/, ''), memento: text };
  },
  written: (content, _, value) => Buffer.from(`${value}${/\r?\n$/.exec(content?.toString('utf8') ?? '')?.[0] ?? ''}`),
  putBack: (_, __, memento) => (memento === null ? null : Buffer.from(String(memento))),
};
