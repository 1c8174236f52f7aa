import type { Format } from '../files/driver.ts';
import { encryptedInWords, isEncrypted } from '../files/encrypted.ts';
import { NotToBeWritten } from '../files/real-path.ts';

const finalNewline = /\r?\n$/;

/** All of a file. A final newline is the file's, not the secret's: editors and `echo` leave one, readers take it away. */
export const whole: Format = {
  read(content, field) {
    const text = textOf(content, field);
    return { value: text?.replace(finalNewline, '') ?? null, memento: text };
  },
  written(content, field, value) {
    return Buffer.from(`${value}${finalNewline.exec(textOf(content, field) ?? '')?.[0] ?? ''}`);
  },
  putBack: (_, __, memento) => (memento === null ? null : Buffer.from(String(memento))),
  takenAway: () => null,
  warnings: () => [],
};

function textOf(content: Buffer | null, field: string | null): string | null {
  if (field !== null) throw new NotToBeWritten('a plain file has no fields; a store of kind env-file has');
  if (content === null) return null;
  const text = content.toString('utf8');
  if (text.includes('\0') || !Buffer.from(text).equals(content)) throw new NotToBeWritten('it is no text in UTF-8');
  if (isEncrypted(text)) throw new NotToBeWritten(encryptedInWords);
  return text;
}
