import { z } from 'zod';
import { fault, retryAfter } from '../../errors/keyturn-error.ts';
import { digestOf, Secret } from '../../secrets/secret.ts';
import type { StoreContext } from '../kind.ts';
import { answerOf, isDone, isReply, refusalIn, silence, waitAskedFor } from './answer.ts';
import type { DeclaredAuth } from './declaration.ts';
import type { Http, Reply } from './http.ts';

/** The token that all requests of a store share. */
export type Session = {
  token(): Promise<Secret>;
  /** One that is not `refused`. null: there is no other. */
  otherThan(refused: Secret): Promise<Secret | null>;
};

const granted = z.looseObject({ accessToken: z.string().min(1), expiresIn: z.number().positive() });

/** Three wrong secrets within 30 s lock the client id for 300 s, the right secret too (facts §2). */
const afterRefusalMs = 60_000;
const whileLockedMs = 300_000;
/** Of its life. After that it may end between a look and the write. */
const renewedAt = 0.8;

export function openSession(auth: DeclaredAuth, http: Http, context: StoreContext): Session {
  return auth.kind === 'token' ? fixedToken(auth, context) : logins(auth, http, context);
}

/** Read anew each time: who replaces it needs no restart. */
function fixedToken({ token }: DeclaredAuth & { kind: 'token' }, context: StoreContext): Session {
  const now = async () => new Secret((await context.secret(token)).reveal().trim());
  return {
    token: now,
    async otherThan(refused) {
      const other = await now();
      return other.reveal() === refused.reveal() ? null : other;
    },
  };
}

type Held = { token: Secret; renewAt: number };
type Refused = { credential: string; until: number; why: string };

/** Universal auth: one login at a time, for everybody who asks. */
function logins(auth: DeclaredAuth & { kind: 'universal' }, http: Http, context: StoreContext): Session {
  const { name, time } = context;
  let held: Held | null = null;
  let underWay: Promise<Held> | null = null;
  let refused: Refused | null = null;

  const unavailable = (why: string, waitMs?: number) =>
    retryAfter(fault('KEYTURN_STORE_UNAVAILABLE', name, why), waitMs);

  async function login(): Promise<Held> {
    const [clientId, clientSecret] = await Promise.all([
      context.secret(auth.clientId),
      context.secret(auth.clientSecret),
    ]);
    const body = { clientId: clientId.reveal().trim(), clientSecret: clientSecret.reveal().trim() };
    const credential = digestOf(new Secret(JSON.stringify(body)));
    // The same credential is not tried again quickly; another one at once.
    if (refused?.credential === credential && time.now() < refused.until) {
      throw unavailable(refused.why, refused.until - time.now());
    }
    const began = time.now();
    const outcome = await http.send({ method: 'POST', path: '/api/v1/auth/universal-auth/login', body }, null);
    if (!isReply(outcome)) throw unavailable(silence(outcome));
    const read = granted.safeParse(isDone(outcome) ? outcome.json : undefined);
    if (!read.success) {
      const why = `Infisical does not let its identity log in (${answerOf(outcome)})`;
      if (outcome.status !== 401) throw unavailable(why, waitAskedFor(outcome));
      const waitMs = isLocked(outcome) ? whileLockedMs : afterRefusalMs;
      refused = { credential, until: time.now() + waitMs, why };
      throw unavailable(why, waitMs);
    }
    refused = null;
    const { accessToken, expiresIn } = read.data;
    return { token: new Secret(accessToken), renewAt: began + expiresIn * 1000 * renewedAt };
  }

  async function renewed(): Promise<Secret> {
    underWay ??= login().finally(() => {
      underWay = null;
    });
    held = await underWay;
    return held.token;
  }

  const current = () => (held === null || time.now() >= held.renewAt ? renewed() : Promise.resolve(held.token));

  return {
    token: current,
    otherThan(refusedToken) {
      // Somebody else's request may have met the same refusal, and logged in since.
      if (held !== null && held.token.reveal() !== refusedToken.reveal()) return current();
      held = null;
      return renewed();
    },
  };
}

function isLocked(reply: Reply): boolean {
  return refusalIn(reply)?.message.includes('temporarily locked') ?? false;
}
