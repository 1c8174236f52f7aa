import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { fault } from '../errors/keyturn-error.ts';
import type { Recognise } from './access.ts';

export type JwtOptions = {
  /** The issuer's public keys: what a file holds, or where they are published. */
  jwks: JSONWebKeySet | URL;
  issuer: string;
  audience: string;
  /** The claim that lists namespaces, as an array of strings. */
  namespacesClaim: string;
};

/** Signatures that public keys verify: a token made with one of them as if it were a shared secret is refused. */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
const clockToleranceS = 5;

/** JSON Web Tokens of one issuer. Each must say until when it holds, whom it stands for and which namespaces are theirs. */
export function jwts({ jwks, issuer, audience, namespacesClaim }: JwtOptions): Recognise {
  const keys: JWTVerifyGetKey = jwks instanceof URL ? createRemoteJWKSet(jwks) : createLocalJWKSet(jwks);
  const asked = {
    ...{ issuer, audience, algorithms, clockTolerance: clockToleranceS },
    requiredClaims: ['exp', 'sub', namespacesClaim],
  };
  return async (token) => {
    // Three parts with dots between; anything else is another kind of token.
    if (token.split('.').length !== 3) return undefined;
    const { payload } = await jwtVerify(token, keys, asked).catch((cause: unknown) => {
      throw inWords(cause);
    });
    const namespaces = payload[namespacesClaim];
    if (!isListOfStrings(namespaces)) {
      throw fault('KEYTURN_CODEC_UNAUTHENTICATED', `its JWT's claim "${namespacesClaim}" is not a list of namespaces`);
    }
    return { name: String(payload.sub), namespaces };
  };
}

function isListOfStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Of jose's errors, those about the key set and not about a token. */
const issuerCodes = ['ERR_JOSE_GENERIC', 'ERR_JWKS_INVALID', 'ERR_JWKS_TIMEOUT'];

/** What a token fails by is told; an issuer that cannot be asked is not the token's fault. */
function inWords(cause: unknown): Error {
  if (cause instanceof errors.JWTExpired) return fault('KEYTURN_CODEC_UNAUTHENTICATED', 'its JWT has expired');
  if (cause instanceof errors.JWTClaimValidationFailed) {
    return fault('KEYTURN_CODEC_UNAUTHENTICATED', `its JWT's claim "${cause.claim}" is not what is asked here`);
  }
  if (cause instanceof errors.JOSEError && !issuerCodes.includes(cause.code)) {
    return fault('KEYTURN_CODEC_UNAUTHENTICATED', 'its JWT is not signed by the issuer that is asked here');
  }
  return fault('KEYTURN_CODEC_ISSUER_UNREACHABLE');
}
