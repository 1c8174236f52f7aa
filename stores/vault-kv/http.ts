import { type Dispatcher, request } from 'undici';
import { fault, type KeyturnError, retryAfter } from '../../errors/keyturn-error.ts';
import { InDoubt } from '../driver.ts';
import { requestTimeoutMs } from '../promises.ts';

export type VaultRequest = {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/v1/`, encoded. */
  path: string;
  token?: string;
  body?: object;
  /** Whether it changes what applications read: then a lost answer is a doubt. Called right before it is sent. */
  changes?: () => void;
};

/** `errors`: what the server says went wrong. It is looked into, and never passed on: it may quote what was sent. */
export type VaultAnswer = { status: number; data: unknown; errors: string[]; auth: unknown };

export type VaultHttp = (asked: VaultRequest) => Promise<VaultAnswer>;

const mostBytes = 4 * 1024 * 1024;

/**
 * One request, one answer. Answers below 500 that are about the request are returned; those about the server are thrown.
 *
 * @throws KEYTURN_STORE_UNAVAILABLE, InDoubt
 */
export function vaultHttp({
  store,
  address,
  namespace,
  dispatcher,
}: {
  store: string;
  address: string;
  namespace: string | undefined;
  dispatcher: Dispatcher;
}): VaultHttp {
  const unavailable = (why: string) => fault('KEYTURN_STORE_UNAVAILABLE', store, why);

  return async ({ method, path, token, body, changes }) => {
    const lost = (why: string): Error => (changes === undefined ? unavailable(why) : new InDoubt(why));
    const headers = {
      ...(token === undefined ? {} : { 'x-vault-token': token }),
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
      // A standby that lags asks the active node instead (facts §3.6).
      'x-vault-inconsistent': 'forward-active-node',
      'x-vault-request': 'true',
      ...(body === undefined
        ? {}
        : { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }),
    };
    changes?.();
    let status: number;
    let text: string;
    let wait: string | undefined;
    try {
      const answer = await request(`${address}/v1/${path}`, {
        method,
        headers,
        dispatcher,
        signal: AbortSignal.timeout(requestTimeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      status = answer.statusCode;
      const told = answer.headers['retry-after'];
      wait = Array.isArray(told) ? told[0] : told;
      text = await textOf(answer.body);
    } catch (error) {
      const { code, name } = error as NodeJS.ErrnoException;
      if (code === 'ECONNREFUSED' || code === 'ENOTFOUND') throw unavailable(`nothing answers there (${code})`);
      throw lost(name === 'TimeoutError' ? 'no answer in time' : `the connection broke (${code ?? name})`);
    }
    refuseServerTrouble(status, wait, unavailable, lost);
    return { status, ...parsed(text) };
  };
}

function refuseServerTrouble(
  status: number,
  wait: string | undefined,
  unavailable: (why: string) => KeyturnError,
  lost: (why: string) => Error,
): void {
  if (status === 429) throw retryAfter(unavailable('it is asked too often (429)'), secondsIn(wait));
  if (status === 412) throw retryAfter(unavailable('this node does not have the newest state yet (412)'), 1_000);
  if (status === 472 || status === 473) throw unavailable(`this node is a standby (${status})`);
  // Whoever follows it sends the token to a host that nobody has declared.
  if (status >= 300 && status < 400) {
    throw unavailable(`it redirects (${status}): declare the address of the active node, or of what stands before all`);
  }
  // Sealed, or no active node: refused before anything is done.
  if (status === 503) throw unavailable('it is sealed, or has no active node (503)');
  if (status >= 500) throw lost(`it answered ${status}`);
}

async function textOf(body: Dispatcher.ResponseData['body']): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += (part as Buffer).length;
    if (bytes > mostBytes) throw new Error('an answer that is too large');
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parsed(text: string): Omit<VaultAnswer, 'status'> {
  try {
    const { data = null, errors = [], auth = null } = JSON.parse(text || '{}');
    return { data, errors: Array.isArray(errors) ? errors.map(String) : [], auth };
  } catch {
    return { data: null, errors: [], auth: null };
  }
}

function secondsIn(wait: string | undefined): number | undefined {
  const seconds = Number(wait);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;
}
