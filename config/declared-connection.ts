import { z } from 'zod';
import { fieldWords } from '../errors/field-words.ts';

/** OpenRouter's limit is not known (facts §12): at this pace nobody has been refused. */
export const defaultRequestsPerSecond = 1;
const mostRequestsPerSecond = 50;

/** A connection in keyturn.yaml: where its management key is to be had, never the key itself. */
export type DeclaredConnection = { baseUrl?: string; requestsPerSecond?: number } & (
  | { source: 'env'; variable: string }
  | { source: 'file'; path: string }
);

const nameWords = fieldWords(
  'is not a name for a connection',
  '1 to 48 lowercase letters and digits, with single hyphens between',
);
const variableWords = fieldWords(
  'is not the name of an environment variable',
  'such as OPENROUTER_MANAGEMENT_KEY; never the key itself',
);
const fileWords = fieldWords('is not a path to a file', 'one that begins with / or ./ or ../; never the key itself');
const baseUrlWords = fieldWords(
  'is not a base URL',
  'https://…, or http:// to this machine, without user, query or fragment',
);

const paceWords = fieldWords(
  'is not a number of requests a second',
  `above 0 and at most ${mostRequestsPerSecond}; 0.5 is one in two seconds`,
);

/** How many management requests a second all workers together send over a connection. */
export const requestsPerSecond = z.number(paceWords).positive(paceWords).max(mostRequestsPerSecond, paceWords);

/** The same form as in a policy's `connection`. */
export const connectionName = z
  .string(nameWords)
  .max(48, nameWords)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, nameWords);

/** Without its trailing slashes. The management key goes there: in clear only where it does not leave the machine. */
export const baseUrl = z
  .string(baseUrlWords)
  .refine(isSafeBaseUrl, baseUrlWords)
  .transform((url) => url.replace(/\/+$/, ''));

/** One entry below `connections`; `folder`: what a relative path of it is meant from. */
export const connectionEntry = z
  .strictObject(
    {
      env: z
        .string(variableWords)
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, variableWords)
        .optional(),
      file: z
        .string(fileWords)
        .regex(/^\.{0,2}\/\P{Cc}*$/u, fileWords)
        .optional(),
      baseUrl: baseUrl.optional(),
      requestsPerSecond: requestsPerSecond.optional(),
    },
    fieldWords('is not a connection', '{ env: VARIABLE } or { file: PATH }'),
  )
  .refine((entry) => (entry.env === undefined) !== (entry.file === undefined), {
    error: 'needs exactly one source for its key; { env: VARIABLE } or { file: PATH }',
  });

export const connectionFields = ['env', 'file', 'baseUrl', 'requestsPerSecond'] as const;

function isSafeBaseUrl(text: string): boolean {
  const url = URL.parse(text);
  if (!url || url.username || url.password || url.search || url.hash) return false;
  const onThisMachine = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && onThisMachine);
}
