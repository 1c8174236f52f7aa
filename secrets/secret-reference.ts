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
const storeWords = fieldWords(
  'is not the name of a store',
  'one that stands below stores; not local, which knows secrets of policies only',
);
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
    .regex(/^(?!local$)[a-z0-9]+(-[a-z0-9]+)*$/, storeWords)
    .optional(),
  name: z.string(spotWords).min(1, spotWords).max(512, spotWords).optional(),
  field: z.string(spotWords).min(1, spotWords).max(512, spotWords).optional(),
};

export const allowedReferences = '{ env: VARIABLE }, { file: PATH } or { store: NAME, name: SECRET }';

type Fields = { [name in keyof typeof referenceFields]?: string | undefined };

export const hasOneSource = [
  ({ env, file, store, name, field }: Fields) =>
    [env, file, store].filter((source) => source !== undefined).length === 1 &&
    (store === undefined) === (name === undefined) &&
    (store !== undefined || field === undefined),
  { error: `needs exactly one source; ${allowedReferences}` },
] as const;

/** `{ env }`, `{ file }` or `{ store, name, field }`. */
export const secretReference = z
  .strictObject(referenceFields, fieldWords('is not a reference to a secret', allowedReferences))
  .refine(...hasOneSource)
  .transform(toReference);

/** Of fields that `hasOneSource` has let through. */
export function toReference({ env, file, store, name, field }: Fields): SecretReference {
  if (env !== undefined) return { source: 'env', variable: env };
  if (file !== undefined) return { source: 'file', path: file };
  return { source: 'store', store: store ?? '', name: name ?? '', field: field ?? null };
}

/** As people name it: `file /run/secrets/key`. */
export function referenceInWords(reference: SecretReference): string {
  switch (reference.source) {
    case 'env':
      return `environment variable ${reference.variable}`;
    case 'file':
      return `file ${reference.path}`;
    case 'store': {
      const { store, name, field } = reference;
      return `${name}${field === null ? '' : `, field ${field},`} of store "${store}"`;
    }
  }
}
