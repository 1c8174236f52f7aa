import { fault, retryAfter } from '../../errors/keyturn-error.ts';
import { Secret } from '../../secrets/secret.ts';
import type { StoreContext } from '../kind.ts';
import type { DeclaredAuth } from './declaration.ts';
import type { Http } from './http.ts';
import { type Account, accountOf, afterRefusalMs, type Grant, logIn } from './login.ts';

/** The token that all requests share, those of other stores with the same credential too. */
export type Session = {
  token(): Promise<Secret>;
  /** Infisical has taken it for somebody's. */
  accepted(token: Secret): void;
  /** One that is not `refused`. `isUsedUp`: as Infisical says of it. null: there is no other. */
  otherThan(refused: Secret, isUsedUp: boolean): Promise<Secret | null>;
};

export type SessionOptions = { auth: DeclaredAuth; url: string; http: Http; context: StoreContext };

export function openSession(options: SessionOptions): Session {
  const { auth, context } = options;
  return auth.kind === 'token' ? fixedToken(auth, context) : logins(auth, options);
}

/** Read anew each time: who replaces it needs no restart. */
function fixedToken({ token }: DeclaredAuth & { kind: 'token' }, context: StoreContext): Session {
  const now = async () => new Secret((await context.secret(token)).reveal().trim());
  return {
    token: now,
    accepted: () => undefined,
    async otherThan(refused) {
      const other = await now();
      return other.reveal() === refused.reveal() ? null : other;
    },
  };
}

/** Universal auth. */
function logins(auth: DeclaredAuth & { kind: 'universal' }, { url, http, context }: SessionOptions): Session {
  const { name, time } = context;
  let account: Account | null = null;

  const isUsable = ({ grant, usedUp }: Account): boolean => {
    if (grant === null) return false;
    if (grant.handedOut === 0) return true;
    if (time.now() >= grant.renewAt) return false;
    return usedUp === null || grant.handedOut < Math.max(1, usedUp.accepted);
  };

  async function token(): Promise<Secret> {
    while (account === null || !isUsable(account)) {
      const credential = await credentialNow();
      account = accountOf(credential, url, time);
      if (isUsable(account)) break;
      const outcome = await logIn(account, credential, http, time);
      if ('why' in outcome) throw retryAfter(fault('KEYTURN_STORE_UNAVAILABLE', name, outcome.why), outcome.waitMs);
    }
    const grant = account.grant as Grant;
    grant.handedOut += 1;
    return grant.token;
  }

  async function credentialNow() {
    const [clientId, clientSecret] = await Promise.all([
      context.secret(auth.clientId),
      context.secret(auth.clientSecret),
    ]);
    return { clientId: clientId.reveal().trim(), clientSecret: clientSecret.reveal().trim() };
  }

  function grantOf(one: Secret): Grant | null {
    const known = [account?.grant, account?.usedUp];
    return known.find((grant) => grant?.token.reveal() === one.reveal()) ?? null;
  }

  return {
    token,
    accepted(one) {
      const grant = grantOf(one);
      if (grant !== null) grant.accepted += 1;
    },
    async otherThan(refused, isUsedUp) {
      const grant = grantOf(refused);
      // Somebody else's request may have met the same refusal, and logged in since.
      if (account === null || grant === null || grant !== account.grant) return token();
      // A login is a use of the client secret, which may have a limit, too: where new tokens are refused, one a minute.
      const isNew = grant.accepted === 0 && time.now() - grant.since < afterRefusalMs;
      if (isNew && !isUsedUp) return null;
      if (isUsedUp) account.usedUp = grant;
      account.grant = null;
      return token();
    },
  };
}
