import { z } from 'zod';
import { fieldWords } from '../../errors/field-words.ts';
import { type SecretReference, secretReference } from '../../secrets/secret-reference.ts';
import type { ReadersFollow } from '../promises.ts';
import { readersFollow } from '../readers-follow.ts';

/** What keyturn.yaml says of any store of AWS. Without keys and profile, credentials are found as AWS's tools find them. */
export type DeclaredAws = {
  region?: string | undefined;
  endpoint?: string | undefined;
  account?: string | undefined;
  profile?: string | undefined;
  accessKeyId?: SecretReference | undefined;
  secretAccessKey?: SecretReference | undefined;
  sessionToken?: SecretReference | undefined;
  kmsKey?: string | undefined;
  readersFollow?: ReadersFollow | undefined;
};

const regionWords = fieldWords('is not a region of AWS', 'such as eu-central-1');
const endpointWords = fieldWords(
  'is not an endpoint',
  'https://…, or http:// to this machine, without user, path, query or fragment',
);
const accountWords = fieldWords('is not an account of AWS', 'its 12 digits, in quotes');
const profileWords = fieldWords('is not a profile', "a name in AWS's own configuration files");
const kmsKeyWords = fieldWords('is not a KMS key', 'its id, ARN or alias');
const fields = {
  region: z
    .string(regionWords)
    .regex(/^[a-z]{2,}(-[a-z]+)+-\d{1,2}$/, regionWords)
    .optional(),
  endpoint: z.string(endpointWords).refine(isEndpoint, endpointWords).optional(),
  account: z
    .string(accountWords)
    .regex(/^\d{12}$/, accountWords)
    .optional(),
  profile: z
    .string(profileWords)
    .regex(/^[^\p{Cc}[\]]{1,128}$/u, profileWords)
    .optional(),
  accessKeyId: secretReference.optional(),
  secretAccessKey: secretReference.optional(),
  sessionToken: secretReference.optional(),
  kmsKey: z
    .string(kmsKeyWords)
    .regex(/^[\w:/-]{1,2048}$/, kmsKeyWords)
    .optional(),
  readersFollow: readersFollow.optional(),
};

export const awsFields = ['kind', ...Object.keys(fields)];

/** The schema of a kind. */
export function awsSchema<Kind extends string>(kind: Kind) {
  return z.strictObject({ kind: z.literal(kind), ...fields }).superRefine((declared, found) => {
    const refuse = (path: string, message: string) => found.addIssue({ code: 'custom', path: [path], message });
    const { accessKeyId, secretAccessKey, sessionToken, profile } = declared;
    if (accessKeyId !== undefined && secretAccessKey === undefined) {
      refuse('secretAccessKey', 'is missing; a reference, as accessKeyId is one');
    }
    if (accessKeyId === undefined && (secretAccessKey ?? sessionToken) !== undefined) {
      refuse('accessKeyId', 'is missing; a reference, beside secretAccessKey');
    }
    if (accessKeyId !== undefined && profile !== undefined) {
      refuse('profile', 'is a second source of credentials; accessKeyId or profile');
    }
  });
}

/** Values go there: in clear only where they do not leave the machine. */
function isEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (!url || url.username || url.password || url.search || url.hash || url.pathname !== '/') return false;
  const onThisMachine = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && onThisMachine);
}
