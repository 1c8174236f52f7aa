import { z } from 'zod';
import { fieldWords } from '../errors/field-words.ts';
import { kindNamed, storeKinds } from './registry.ts';

/** A store in keyturn.yaml: `content` is what its kind's schema made of it. */
export type DeclaredStore = { kind: string; content: unknown };

const nameWords = fieldWords(
  'is not a name for a store',
  '1 to 48 lowercase letters and digits, with single hyphens between; "local" is there already',
);

/** The same form as in a policy's `stores`. */
export const storeName = z
  .string(nameWords)
  .max(48, nameWords)
  .regex(/^(?!local$)[a-z0-9]+(-[a-z0-9]+)*$/, nameWords);

const kinds = () => storeKinds.map(({ kind }) => kind).join(', ');

/** One entry below `stores`, checked by the schema of its kind. */
export const storeEntry = z.unknown().transform((entry, found): DeclaredStore => {
  const issue = (path: string[], message: string) => {
    found.issues.push({ code: 'custom', path, message, input: entry, continue: false });
    return z.NEVER;
  };
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return issue([], `is not a store; { kind: KIND, … }, kind is one of ${kinds()}`);
  }
  const { kind: word } = entry as { kind?: unknown };
  const kind = typeof word === 'string' ? kindNamed(word) : undefined;
  if (kind === undefined) {
    return issue(['kind'], `${word === undefined ? 'is missing' : 'is not a kind of store'}; one of ${kinds()}`);
  }
  const read = kind.schema.safeParse(entry);
  if (read.success) return { kind: kind.kind, content: read.data };
  for (const one of read.error.issues) found.issues.push({ ...one, input: entry, continue: false } as never);
  return z.NEVER;
});

/** The fields that an entry may have, for "did you mean". */
export function storeFields(entry: unknown): readonly string[] {
  const { kind } = (entry ?? {}) as { kind?: unknown };
  return (typeof kind === 'string' ? kindNamed(kind)?.fields : undefined) ?? ['kind'];
}
