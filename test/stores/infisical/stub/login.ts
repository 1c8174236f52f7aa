import { randomBytes } from 'node:crypto';
import { type Answer, Refused } from './answers.ts';
import type { Identity, World } from './world.ts';

const failuresUntilLocked = 3;
const failuresWithinMs = 30_000;
const lockedForMs = 300_000;

/** `POST /api/v1/auth/universal-auth/login` */
export function login(world: World, body: Record<string, unknown>): Answer {
  const identity = world.identities.get(String(body.clientId).trim());
  const refused = (message: string) => new Refused(401, 'UnauthorizedError', message);
  if (identity === undefined) throw refused('Invalid credentials');
  const now = world.now();
  if (now < identity.lockedUntil)
    throw refused('This identity auth method is temporarily locked, please try again later');
  if (String(body.clientSecret).trim() !== identity.clientSecret) {
    identity.failedLogins = [...identity.failedLogins.filter((at) => now - at < failuresWithinMs), now];
    if (identity.failedLogins.length >= failuresUntilLocked) identity.lockedUntil = now + lockedForMs;
    throw refused('Invalid credentials');
  }
  identity.failedLogins = [];
  const accessToken = `ey.${randomBytes(24).toString('base64url')}`;
  const { tokenLifeSeconds: expiresIn } = identity;
  world.tokens.set(accessToken, { identity, expiresAt: now + expiresIn * 1000, uses: 0, revoked: false });
  return { status: 200, body: { accessToken, expiresIn, accessTokenMaxTTL: expiresIn, tokenType: 'Bearer' } };
}

/** Each call is a use of the token. */
export function identityOf(world: World, authorization: string | undefined): Identity {
  const text = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
  if (text === undefined) throw new Refused(401, 'UnauthorizedError', 'Token missing');
  const token = world.tokens.get(text);
  if (token === undefined || token.revoked) throw new Refused(401, 'UnauthorizedError', 'Invalid token');
  if (world.now() >= token.expiresAt) {
    const error = world.settings.expiredTokenIs === 401 ? 'UnauthorizedError' : 'TokenError';
    throw new Refused(world.settings.expiredTokenIs, error, 'Your token has expired. Please re-authenticate.');
  }
  const { tokenUses } = token.identity;
  if (tokenUses > 0 && token.uses >= tokenUses) {
    token.revoked = true;
    throw new Refused(401, 'UnauthorizedError', 'Unable to renew because access token number of uses limit reached');
  }
  token.uses += 1;
  return token.identity;
}
