import { z } from 'zod';
import { fieldWords } from '../errors/field-words.ts';

/** Where a credential is to be had, never the credential itself: in keyturn.yaml wherever one is needed. */
export type SecretReference =
  | { source: 'env'; variable: string }
  | { source: 'file'; path: string }
  | { source: 'store'; store: string; name: string; field: string | null };

const variableWords = fieldWords(
  'is not the name of an environment variable',
  'such as OPENROUTER_MANAGEMENT_KEY; never the secret itself',
);
const fileWords = fieldWords('is not a path to a file', 'one that begins with / or ./ or ../; never the secret itself');
const storeWords = fieldWords('is not the name of a store', 'one that stands below stores');
const spotWords = fieldWords('is not the name of a secret', 'what the store calls it, up to 512 characters');

/** The fields of a reference, for schemas that have others beside them. */
export const referenceFields = {
  env: z
    .string(variableWords)
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, variableWords)
    .optional(),
  file: z
    .string(fileWords)
    .regex(/^\.{0,2}\/\P{Cc}*$/u, fileWords)
    .optional(),
  store: z
    .string(storeWords)
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, storeWords)
    .optional(),
  name: z.string(spotWords).min(1, spotWords).max(512, spotWords).optional(),
  field: z.string(spotWords).min(1, spotWords).max(512, spotWords).optional(),
};

const allowed = '{ env: VARIABLE }, { file: PATH } or { store: NAME, name: SECRET }';

export const hasOneSource = [
  (entry: {
    env?: string | undefined;
    file?: string | undefined;
    store?: string | undefined;
    name?: string | undefined;
  }) =>
    [entry.env, entry.file, entry.store].filter((source) => source !== undefined).length === 1 &&
    (entry.store === undefined) === (entry.name === undefined),
  { error: `needs exactly one source; ${allowed}` },
] as const;

/** `{ env }`, `{ file }` or `{ store, name, field }`. */
export const secretReference = z
  .strictObject(referenceFields, fieldWords('is not a reference to a secret', allowed))
  .refine(...hasOneSource)
  .transform(toReference);

export function toReference({
  env,
  file,
  store,
  name,
  field,
}: {
  env?: string | undefined;
  file?: string | undefined;
  store?: string | undefined;
  name?: string | undefined;
  field?: string | undefined;
}): SecretReference {
  if (env !== undefined) return { source: 'env', variable: env };
  if (file !== undefined) return { source: 'file', path: file };
  return { source: 'store', store: store ?? '', name: name ?? '', field: field ?? null };
}
