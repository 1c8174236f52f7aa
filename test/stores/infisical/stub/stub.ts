import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Answer, Refused } from './answers.ts';
import { rateLimits } from './limits.ts';
import { route, type Visit } from './routes.ts';
import { createWorld, type Identity, type World } from './world.ts';

/** What happens to the next request that changes something. `between`: somebody is faster, right before it. */
export type Mishap =
  | { do: 'lose request' }
  | { do: 'lose answer' }
  | { do: '500 after the commit' }
  | { do: 'answer'; answer: Answer }
  | { do: 'between'; work: () => void };

/** Infisical's API as far as Keyturn and Infisical's own SDK use it (facts/infisical-api.md), with what goes wrong with it. */
export type Infisical = {
  url: string;
  world: World;
  visits: Visit[];
  /** Requests that would change a secret. */
  changes: () => Visit[];
  next: (mishap: Mishap) => void;
  /** Runs before each request of any kind; what it returns is the answer. */
  meanwhile: ((visit: Visit) => Answer | undefined) | null;
  identity: (more?: Partial<Identity>) => Identity;
  close: () => Promise<void>;
};

export async function startInfisical(
  now: () => number = Date.now,
  tls?: { key: Buffer; cert: Buffer },
): Promise<Infisical> {
  const world = createWorld(now);
  const mishaps: Mishap[] = [];
  const visits: Visit[] = [];
  const overLimit = rateLimits(world);
  let identities = 0;

  const listener = (request: IncomingMessage, response: ServerResponse) => void serve(request, response);
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const visit = await visitOf(request);
    visits.push(visit);
    const mishap = isChange(visit) ? mishaps.shift() : undefined;
    if (mishap?.do === 'lose request') return void request.socket.destroy();
    if (mishap?.do === 'between') mishap.work();
    let answer = infisical.meanwhile?.(visit) ?? (mishap?.do === 'answer' ? mishap.answer : undefined);
    answer ??= answerTo(visit, request.headers.authorization);
    if (mishap?.do === 'lose answer') return void request.socket.destroy();
    if (mishap?.do === '500 after the commit') {
      answer = new Refused(500, 'InternalServerError', 'Something went wrong').answer;
    }
    const text = JSON.stringify(answer.body);
    const headers: Record<string, string> = { 'content-type': 'application/json', ...answer.headers };
    if (visit.method === 'GET' && answer.status === 200) {
      // Of the body alone: no condition for a write.
      headers.etag = `"${createHash('sha1').update(text).digest('base64url')}"`;
      if (request.headers['if-none-match'] === headers.etag) return void response.writeHead(304, headers).end();
    }
    response.writeHead(answer.status, headers);
    response.end(text);
  }

  function answerTo(visit: Visit, authorization: string | undefined): Answer {
    try {
      const limited = overLimit(visit.method, visit.path);
      if (limited !== null) return limited;
      if (visit.isTooLarge) throw new Refused(500, 'InternalServerError', 'Something went wrong');
      return route(world, visit, authorization);
    } catch (error) {
      if (error instanceof Refused) return error.answer;
      throw error;
    }
  }

  const infisical: Infisical = {
    url: '',
    world,
    visits,
    changes: () => visits.filter(isChange),
    next: (mishap) => mishaps.push(mishap),
    meanwhile: null,
    identity(more = {}) {
      identities += 1;
      const made: Identity = {
        clientId: `5f0c2b1e-0000-4000-8000-00000000000${identities}`,
        clientSecret: `client-secret-of-identity-${identities}`,
        may: new Set(['describeSecret', 'readValue', 'create', 'edit', 'delete']),
        only: null,
        isMember: true,
        comesFromAllowedAddress: true,
        logins: 0,
        loggedIn: 0,
        tokenLifeSeconds: 2_592_000,
        tokenMaxSeconds: 2_592_000,
        tokenPeriodSeconds: 0,
        tokenUses: 0,
        failedLogins: [],
        lockedUntil: 0,
        ...more,
      };
      world.identities.set(made.clientId, made);
      return made;
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  infisical.url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return infisical;
}

function isChange({ method, path }: Visit): boolean {
  return method !== 'GET' && path.includes('/secrets/');
}

/** Beyond it, Infisical answers as to a fault of its own (facts §3). */
const mostBytes = 1024 * 1024;

async function visitOf(request: IncomingMessage): Promise<Visit> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://stub');
  return {
    method: request.method ?? '',
    path: pathname.replace(/(.)\/$/, '$1'),
    query: Object.fromEntries(searchParams),
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    isTooLarge: text.length > mostBytes,
  };
}
