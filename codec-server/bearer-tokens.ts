import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { fault } from '../errors/keyturn-error.ts';
import type { Reader, Recognise } from './access.ts';

const minLength = 32;

const tokenList = z.strictObject({
  tokens: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[\w.@-]{1,64}$/, 'is not 1 to 64 letters, digits, . _ @ or -'),
        token: z
          .string()
          .regex(/^[\x21-\x7e]+$/, 'holds spaces or other than ASCII')
          .min(minLength),
        namespaces: z.array(z.string().min(1)).min(1),
      }),
    )
    .min(1),
});

/**
 * Tokens that are agreed upon beforehand: `{"tokens": [{"name": …, "token": …, "namespaces": [NAME, …]}]}`.
 *
 * @param place what holds `text`, for the error
 * @throws KEYTURN_USAGE names the field, never a value
 */
export function bearerTokens(text: string, place: string): Recognise {
  const known = parse(text, place).map(({ token, ...reader }) => ({ reader, digest: sha256(token) }));
  return async (token) => {
    const digest = sha256(token);
    let found: Reader | undefined;
    // Digests have one length, and every one is looked at: how long this takes says nothing about any token.
    for (const one of known) if (timingSafeEqual(one.digest, digest)) found = one.reader;
    return found;
  };
}

function parse(text: string, place: string) {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which holds tokens.
    throw fault('KEYTURN_USAGE', `${place} is not JSON.`);
  }
  const { data, error } = tokenList.safeParse(json);
  if (data) return data.tokens;
  const wrong = error.issues.map(({ path, message }) => `${path.join('.') || 'all of it'}: ${message}`);
  throw fault('KEYTURN_USAGE', `${place} is no list of tokens. ${wrong.join('; ')}.`);
}

function sha256(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
