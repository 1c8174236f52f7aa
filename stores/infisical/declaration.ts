import { z } from 'zod';
import { fieldWords } from '../../errors/field-words.ts';
import { type SecretReference, secretReference } from '../../secrets/secret-reference.ts';
import type { ReadersFollow, StorePromises } from '../promises.ts';
import { readersFollow } from '../readers-follow.ts';

export type DeclaredAuth =
  | { kind: 'universal'; clientId: SecretReference; clientSecret: SecretReference }
  | { kind: 'token'; token: SecretReference };

/** One folder of one environment, as keyturn.yaml declares it. */
export type DeclaredInfisical = {
  url: string;
  project: string;
  environment: string;
  path: string;
  auth: DeclaredAuth;
  organization?: string | undefined;
  caFile?: string | undefined;
  readersFollow?: ReadersFollow | undefined;
};

export const promises: StorePromises = {
  readsBack: true,
  // No request knows a condition (facts §6). What was overwritten unseen shows by its number, and is put back.
  comparesAndSets: false,
  fences: false,
  owns: false,
  versions: true,
  countsWrites: true,
  // Reads go to replicas, of which nothing is promised (facts §8).
  readsLagMs: 10_000,
  // Its agents and operators ask every minute or every five; what reads at its start needs `restart` in the declaration.
  readersFollow: { at: 'within', ms: 5 * 60_000 },
};

const urlWords = fieldWords(
  'is not the address of an Infisical',
  'https://…, or http:// to this machine (to another one with allowInsecure: true), without user, path or query',
);
const projectWords = fieldWords('is not the id of a project', 'as Infisical shows it under Project Settings');
const environmentWords = fieldWords('is not the slug of an environment', 'such as prod; not its name');
const pathWords = fieldWords(
  'is not the path of a folder',
  'such as / or /payments/checkout, of letters, digits, _ and -',
);
const organizationWords = fieldWords('is not the id of an organization', 'as the dashboard has it in its address');
const caFileWords = fieldWords('is not a path to a file', 'one with certificates in PEM');
const yesWords = fieldWords('is neither true nor false', 'true or false');
const authWords = fieldWords(
  'is not a way to log in',
  '{ clientId: REFERENCE, clientSecret: REFERENCE } or { token: REFERENCE }',
);
const auth = z
  .strictObject(
    {
      clientId: secretReference.optional(),
      clientSecret: secretReference.optional(),
      token: secretReference.optional(),
    },
    authWords,
  )
  .transform(({ clientId, clientSecret, token }, found): DeclaredAuth => {
    if (clientId && clientSecret && !token) return { kind: 'universal', clientId, clientSecret };
    if (token && !clientId && !clientSecret) return { kind: 'token', token };
    found.issues.push({ code: 'custom', message: authWords.error({ input: {} }), input: {} });
    return z.NEVER;
  });

export const schema = z
  .strictObject({
    kind: z.literal('infisical'),
    url: z.string(urlWords).refine(isAddress, urlWords).default('https://app.infisical.com'),
    project: z.string(projectWords).regex(/^[\w-]{1,64}$/, projectWords),
    environment: z.string(environmentWords).regex(/^[\w-]{1,64}$/, environmentWords),
    path: z
      .string(pathWords)
      .regex(/^\/([\w-]+(\/[\w-]+)*\/?)?$/, pathWords)
      .max(512, pathWords)
      .default('/'),
    auth,
    organization: z
      .string(organizationWords)
      .regex(/^[\w-]{1,64}$/, organizationWords)
      .optional(),
    caFile: z
      .string(caFileWords)
      .regex(/^\P{Cc}+$/u, caFileWords)
      .optional(),
    allowInsecure: z.boolean(yesWords).default(false),
    readersFollow: readersFollow.optional(),
  })
  .refine(({ url, allowInsecure }) => allowInsecure || isGuarded(url), {
    path: ['url'],
    error: urlWords.error({ input: '-' }),
  })
  .transform(
    ({ url, path, kind: _kind, allowInsecure: _allowInsecure, ...declared }): DeclaredInfisical => ({
      ...declared,
      url: new URL(url).origin,
      path: path === '/' ? path : path.replace(/\/$/, ''),
    }),
  );

function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, pathname, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && `${username}${password}${search}${hash}` === '' && pathname === '/';
}

/** A credential goes along with each request. */
function isGuarded(text: string): boolean {
  if (!isAddress(text)) return true; // said already
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
