import { readFile } from 'node:fs/promises';
import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';
import { checkedEnvironment } from '../config/environment.ts';
import { fault } from '../errors/keyturn-error.ts';
import { type Admit, admitByToken, type Recognise } from './access.ts';
import { bearerTokens } from './bearer-tokens.ts';
import { jwts } from './jwts.ts';
import { isLoopback } from './loopback.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type CodecServerConfig = {
  logLevel: string;
  host: string;
  port: number;
  origins: string[];
  encode: boolean;
  trustProxy: string[];
  admit: Admit;
};

const list = z
  .string()
  .default('')
  .transform((text) => text.split(',').map((item) => item.trim()))
  .transform((items) => items.filter((item) => item !== ''));

const notOrigin = 'each is an origin such as https://temporal.example.com, without path or slash, as browsers send it';

const variables = z.object({
  /** Default info: one line a request. */
  KEYTURN_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  /** Default 127.0.0.1, behind a proxy on the same machine that speaks TLS; containers set 0.0.0.0. */
  KEYTURN_CODEC_HOST: z.string().min(1).default('127.0.0.1'),
  /** Default 8088; 0 takes a free port. */
  KEYTURN_CODEC_PORT: z.coerce.number().int().min(0).max(65_535).default(8088),
  /** Default none: only clients that are no web page. */
  KEYTURN_CODEC_ORIGINS: list.refine((origins) => origins.every(isOrigin), notOrigin),
  /** Tokens as JSON; in a file, or here. */
  KEYTURN_CODEC_TOKENS_FILE: z.string().min(1).optional(),
  KEYTURN_CODEC_TOKENS: z.string().min(1).optional(),
  /** A file, or an https address (http on this machine). */
  KEYTURN_CODEC_JWKS: z.string().min(1).optional(),
  KEYTURN_CODEC_JWT_ISSUER: z.string().min(1).optional(),
  KEYTURN_CODEC_JWT_AUDIENCE: z.string().min(1).optional(),
  KEYTURN_CODEC_JWT_NAMESPACES_CLAIM: z.string().min(1).default('namespaces'),
  /** Default false: reading needs no /encode. */
  KEYTURN_CODEC_ENCODE: z.enum(['true', 'false']).default('false'),
  /** Default none: a client is who is at the other end of the connection. */
  KEYTURN_CODEC_TRUST_PROXY: list,
});
type Variables = z.output<typeof variables>;

/**
 * The codec server's settings, with the files they name.
 *
 * @throws KEYTURN_USAGE names the variable and what is allowed, or says that nothing authorises anybody
 * @throws KEYTURN_FILE_UNREADABLE
 */
export async function codecServerConfig(env: Environment): Promise<CodecServerConfig> {
  const data = checkedEnvironment(variables, env);
  const kinds = [...(await tokensOf(data)), ...(await jwtsOf(data))];
  if (kinds.length === 0) {
    throw fault('KEYTURN_USAGE', 'Nobody could be let in: set KEYTURN_CODEC_TOKENS_FILE or KEYTURN_CODEC_JWKS.');
  }
  return {
    logLevel: data.KEYTURN_LOG_LEVEL,
    host: data.KEYTURN_CODEC_HOST,
    port: data.KEYTURN_CODEC_PORT,
    origins: data.KEYTURN_CODEC_ORIGINS,
    encode: data.KEYTURN_CODEC_ENCODE === 'true',
    trustProxy: data.KEYTURN_CODEC_TRUST_PROXY,
    admit: admitByToken(kinds),
  };
}

async function tokensOf({ KEYTURN_CODEC_TOKENS_FILE, KEYTURN_CODEC_TOKENS }: Variables): Promise<Recognise[]> {
  const kinds: Recognise[] = [];
  if (KEYTURN_CODEC_TOKENS_FILE !== undefined) {
    const text = await textOf(KEYTURN_CODEC_TOKENS_FILE);
    kinds.push(bearerTokens(text, KEYTURN_CODEC_TOKENS_FILE));
  }
  if (KEYTURN_CODEC_TOKENS !== undefined) kinds.push(bearerTokens(KEYTURN_CODEC_TOKENS, 'KEYTURN_CODEC_TOKENS'));
  return kinds;
}

async function jwtsOf(set: Variables): Promise<Recognise[]> {
  const { KEYTURN_CODEC_JWKS: place, KEYTURN_CODEC_JWT_ISSUER: issuer, KEYTURN_CODEC_JWT_AUDIENCE: audience } = set;
  if (place === undefined) return [];
  if (issuer === undefined || audience === undefined) {
    // Without them a token that the issuer made for anybody else would do.
    const wanted = 'KEYTURN_CODEC_JWT_ISSUER and KEYTURN_CODEC_JWT_AUDIENCE';
    throw fault('KEYTURN_USAGE', `KEYTURN_CODEC_JWKS needs ${wanted} beside it.`);
  }
  const jwks = /^https?:/i.test(place) ? addressOf(place) : await keySetIn(place);
  return [jwts({ jwks, issuer, audience, namespacesClaim: set.KEYTURN_CODEC_JWT_NAMESPACES_CLAIM })];
}

function addressOf(text: string): URL {
  const url = URL.parse(text);
  if (url && (url.protocol === 'https:' || isLoopback(url.hostname))) return url;
  // Who can change the keys on their way makes tokens of their own.
  throw fault('KEYTURN_USAGE', 'KEYTURN_CODEC_JWKS has to be a file or an https address.');
}

async function keySetIn(file: string): Promise<JSONWebKeySet> {
  const text = await textOf(file);
  try {
    return z.object({ keys: z.array(z.looseObject({ kty: z.string() })) }).parse(JSON.parse(text)) as JSONWebKeySet;
  } catch {
    throw fault('KEYTURN_USAGE', `${file} is no JSON Web Key Set.`);
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw fault('KEYTURN_FILE_UNREADABLE', file, (cause as NodeJS.ErrnoException).code ?? 'unknown error');
  }
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text;
}
