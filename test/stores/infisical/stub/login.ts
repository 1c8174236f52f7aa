import { randomBytes } from 'node:crypto';
import { type Answer, Refused } from './answers.ts';
import type { Identity, Token, World } from './world.ts';

const failuresUntilLocked = 3;
const failuresWithinMs = 30_000;
const lockedForMs = 300_000;

const unauthorized = (message: string) => new Refused(401, 'UnauthorizedError', message);

/** `POST /api/v1/auth/universal-auth/login` */
export function login(world: World, body: Record<string, unknown>): Answer {
  const identity = world.identities.get(String(body.clientId).trim());
  if (identity === undefined) throw unauthorized('Invalid credentials');
  const now = world.now();
  if (now < identity.lockedUntil) {
    throw unauthorized('This identity auth method is temporarily locked, please try again later');
  }
  if (String(body.clientSecret).trim() !== identity.clientSecret) {
    identity.failedLogins = [...identity.failedLogins.filter((at) => now - at < failuresWithinMs), now];
    if (identity.failedLogins.length >= failuresUntilLocked) identity.lockedUntil = now + lockedForMs;
    throw unauthorized('Invalid credentials');
  }
  if (identity.logins > 0 && identity.loggedIn >= identity.logins) {
    throw unauthorized('Access denied due to client secret usage limit reached');
  }
  if (!identity.comesFromAllowedAddress) throw addressForbidden();
  identity.failedLogins = [];
  identity.loggedIn += 1;
  return granted(world, identity, now);
}

/** `POST /api/v1/auth/token/renew`: another one, whose life ends where the first one's longest would (facts §2). */
export function renew(world: World, body: Record<string, unknown>): Answer {
  const token = world.tokens.get(String(body.accessToken).trim());
  if (token === undefined || token.revoked) throw unauthorized('Invalid token');
  const { identity, issuedAt } = token;
  if (world.now() >= token.expiresAt) throw expired(world);
  const until = issuedAt + identity.tokenMaxSeconds * 1000;
  const isPeriodic = identity.tokenPeriodSeconds > 0;
  if (!isPeriodic && identity.tokenMaxSeconds > 0 && world.now() + identity.tokenLifeSeconds * 1000 > until) {
    throw unauthorized('Failed to renew MI access token due to Max TTL expiration');
  }
  return granted(world, identity, isPeriodic ? world.now() : issuedAt);
}

/** `POST /api/v1/auth/token/revoke` */
export function revoke(world: World, body: Record<string, unknown>): Answer {
  const token = world.tokens.get(String(body.accessToken).trim());
  if (token === undefined) throw unauthorized('Invalid token');
  token.revoked = true;
  return { status: 200, body: { message: 'Successfully revoked access token' } };
}

/** Each call is a use of the token. */
export function identityOf(world: World, authorization: string | undefined): Identity {
  const text = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
  if (text === undefined) throw unauthorized('Token missing');
  const token = world.tokens.get(text);
  if (token === undefined || token.revoked) throw unauthorized('Invalid token');
  if (world.now() >= token.expiresAt) throw expired(world);
  const { tokenUses, comesFromAllowedAddress } = token.identity;
  if (tokenUses > 0 && token.uses >= tokenUses) {
    token.revoked = true;
    throw unauthorized('Unable to renew because access token number of uses limit reached');
  }
  token.uses += 1;
  if (!comesFromAllowedAddress) throw addressForbidden();
  return token.identity;
}

function granted(world: World, identity: Identity, issuedAt: number): Answer {
  const accessToken = `ey.${randomBytes(24).toString('base64url')}`;
  const { tokenLifeSeconds: expiresIn, tokenMaxSeconds: accessTokenMaxTTL } = identity;
  const token: Token = { identity, issuedAt, expiresAt: world.now() + expiresIn * 1000, uses: 0, revoked: false };
  world.tokens.set(accessToken, token);
  return { status: 200, body: { accessToken, expiresIn, accessTokenMaxTTL, tokenType: 'Bearer' } };
}

function expired({ settings }: World): Refused {
  const error = settings.expiredTokenIs === 401 ? 'UnauthorizedError' : 'TokenError';
  return new Refused(settings.expiredTokenIs, error, 'Your token has expired. Please re-authenticate.');
}

const addressForbidden = () =>
  new Refused(403, 'ForbiddenError', 'You are not allowed to access this resource from the current IP address');
