import { fault } from '../errors/keyturn-error.ts';

/** Somebody that a token stands for. */
export type Reader = {
  /** As the access log calls them: the name of a bearer token, the subject of a JWT. */
  name: string;
  /** The only ones whose payloads they may have. */
  namespaces: readonly string[];
};

/**
 * Who a token stands for; undefined where this kind of token is another one's to know.
 *
 * @throws KEYTURN_CODEC_UNAUTHENTICATED it is of this kind and not valid
 * @throws KEYTURN_CODEC_ISSUER_UNREACHABLE nobody can say now
 */
export type Recognise = (token: string) => Promise<Reader | undefined>;

/**
 * Lets `authorization` (the header) into `namespace`, or throws. Answers the name for the access log.
 *
 * @throws KEYTURN_CODEC_UNAUTHENTICATED no token, or none that anybody knows
 * @throws KEYTURN_CODEC_FORBIDDEN a known one, for other namespaces
 */
export type Admit = (authorization: string | undefined, namespace: string) => Promise<string>;

/** Asks each kind of token in turn. */
export function admitByToken(kinds: readonly Recognise[]): Admit {
  return async (authorization, namespace) => {
    const reader = await recognised(kinds, bearerToken(authorization));
    if (reader === undefined) throw fault('KEYTURN_CODEC_UNAUTHENTICATED', 'its token is not known here');
    if (!reader.namespaces.includes(namespace)) throw fault('KEYTURN_CODEC_FORBIDDEN', reader.name, namespace);
    return reader.name;
  };
}

async function recognised(kinds: readonly Recognise[], token: string): Promise<Reader | undefined> {
  for (const recognise of kinds) {
    const reader = await recognise(token);
    if (reader !== undefined) return reader;
  }
  return undefined;
}

function bearerToken(authorization: string | undefined): string {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (token === undefined) throw fault('KEYTURN_CODEC_UNAUTHENTICATED', 'it came without a bearer token');
  return token;
}
