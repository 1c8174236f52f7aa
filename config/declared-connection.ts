import { z } from 'zod';
import { fieldWords } from '../errors/field-words.ts';
import {
  allowedReferences,
  hasOneSource,
  referenceFields,
  type SecretReference,
  toReference,
} from '../secrets/secret-reference.ts';

/** OpenRouter's limit is not known (facts §12): at this pace nobody has been refused. */
export const defaultRequestsPerSecond = 1;
const mostRequestsPerSecond = 50;

/** A connection in keyturn.yaml: where its management key is to be had, never the key itself. */
export type DeclaredConnection = { baseUrl?: string; requestsPerSecond?: number } & SecretReference;

const nameWords = fieldWords(
  'is not a name for a connection',
  '1 to 48 lowercase letters and digits, with single hyphens between',
);
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

/** One entry below `connections`; paths as they stand there. */
export const connectionEntry = z
  .strictObject(
    { ...referenceFields, baseUrl: baseUrl.optional(), requestsPerSecond: requestsPerSecond.optional() },
    fieldWords('is not a connection', allowedReferences),
  )
  .refine(...hasOneSource)
  .transform(({ baseUrl, requestsPerSecond, ...reference }): DeclaredConnection => {
    return {
      ...toReference(reference),
      ...(baseUrl === undefined ? {} : { baseUrl }),
      ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
    };
  });

export const connectionFields = [...Object.keys(referenceFields), 'baseUrl', 'requestsPerSecond'];

function isSafeBaseUrl(text: string): boolean {
  const url = URL.parse(text);
  if (!url || url.username || url.password || url.search || url.hash) return false;
  const onThisMachine = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && onThisMachine);
}
