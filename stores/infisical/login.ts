import { z } from 'zod';
import { digestOf, Secret } from '../../secrets/secret.ts';
import type { Waiting } from '../conditional-store.ts';
import { answerOf, isDone, isReply, refusalIn, silence, waitAskedFor } from './answer.ts';
import type { Http, Reply } from './http.ts';

export type Credential = { clientId: string; clientSecret: string };

/** A token, and how far it has gone. `handedOut`, `accepted`: each call is a use, and tokens may have a limit of them. */
export type Grant = { token: Secret; since: number; renewAt: number; handedOut: number; accepted: number };
export type NoGrant = { why: string; waitMs: number | undefined };

/** What this process knows of one credential at one Infisical. */
export type Account = {
  grant: Grant | null;
  underWay: Promise<Grant | NoGrant> | null;
  refused: { why: string; until: number } | null;
  /** The last one that was used up: no answer says how many uses there are. */
  usedUp: Grant | null;
};

/** Three wrong secrets within 30 s lock the client id for 300 s, the right secret too (facts §2). */
export const afterRefusalMs = 60_000;
const whileLockedMs = 300_000;
/** Of its life. After that it may end between a look and the write. */
const renewedAt = 0.8;

/** By the clock of the process, which its stores share: three of them with one wrong secret would lock it out together. */
const accounts = new WeakMap<Waiting, Map<string, Account>>();

export function accountOf({ clientId, clientSecret }: Credential, url: string, time: Waiting): Account {
  const known = accounts.get(time) ?? new Map<string, Account>();
  accounts.set(time, known);
  const key = digestOf(new Secret(JSON.stringify([url, clientId, clientSecret])));
  const account = known.get(key) ?? { grant: null, underWay: null, refused: null, usedUp: null };
  known.set(key, account);
  return account;
}

const granted = z.looseObject({ accessToken: z.string().min(1), expiresIn: z.number().positive() });

/** One login at a time, for everybody who asks; one that was refused is not tried again quickly. */
export function logIn(account: Account, credential: Credential, http: Http, time: Waiting): Promise<Grant | NoGrant> {
  account.underWay ??= attempt(account, credential, http, time).finally(() => {
    account.underWay = null;
  });
  return account.underWay;
}

async function attempt(account: Account, body: Credential, http: Http, { now }: Waiting): Promise<Grant | NoGrant> {
  if (account.refused !== null && now() < account.refused.until) {
    return { why: account.refused.why, waitMs: account.refused.until - now() };
  }
  const since = now();
  const outcome = await http.send({ method: 'POST', path: '/api/v1/auth/universal-auth/login', body }, null);
  if (!isReply(outcome)) return { why: silence(outcome), waitMs: undefined };
  const read = granted.safeParse(isDone(outcome) ? outcome.json : undefined);
  if (read.success) {
    const { accessToken, expiresIn } = read.data;
    const renewAt = since + expiresIn * 1000 * renewedAt;
    account.refused = null;
    account.grant = { token: new Secret(accessToken), since, renewAt, handedOut: 0, accepted: 0 };
    return account.grant;
  }
  const why = `Infisical does not let its identity log in (${answerOf(outcome)})`;
  if (outcome.status !== 401) return { why, waitMs: waitAskedFor(outcome) };
  const waitMs = isLocked(outcome) ? whileLockedMs : afterRefusalMs;
  account.refused = { why, until: now() + waitMs };
  return { why, waitMs };
}

function isLocked(reply: Reply): boolean {
  return refusalIn(reply)?.message.includes('temporarily locked') ?? false;
}
