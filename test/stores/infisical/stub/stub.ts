import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Answer, Refused, routeMissing } from './answers.ts';
import { getRequest } from './change-requests.ts';
import { identityOf, login } from './login.ts';
import { deleteRotation, patchRotation } from './rotations.ts';
import { createSecret, deleteSecret, getSecret, listSecrets, patchSecret, type SecretCall } from './secrets.ts';
import { createWorld, type Identity, type World } from './world.ts';

/** What happens to the next request that changes something. `between`: somebody is faster, right before it. */
export type Mishap =
  | { do: 'lose request' }
  | { do: 'lose answer' }
  | { do: '500 after the commit' }
  | { do: 'answer'; answer: Answer }
  | { do: 'between'; work: () => void };

export type Visit = { method: string; path: string; query: Record<string, string>; body: Record<string, unknown> };

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
  const minutes = new Map<number, number>();
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
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(JSON.stringify(answer.body));
  }

  function answerTo(visit: Visit, authorization: string | undefined): Answer {
    try {
      const limited = overLimit();
      if (limited !== null) return limited;
      return route(visit, authorization);
    } catch (error) {
      if (error instanceof Refused) return error.answer;
      throw error;
    }
  }

  function overLimit(): Answer | null {
    const minute = Math.floor(now() / 60_000);
    const asked = (minutes.get(minute) ?? 0) + 1;
    minutes.set(minute, asked);
    if (asked <= world.settings.perMinute) return null;
    const seconds = 60 - Math.floor((now() % 60_000) / 1000);
    const message = `Rate limit exceeded. Please try again in ${seconds} seconds`;
    const { answer } = new Refused(429, 'RateLimitExceeded', message);
    return world.settings.retryAfterHeader ? { ...answer, headers: { 'retry-after': String(seconds) } } : answer;
  }

  function route(visit: Visit, authorization: string | undefined): Answer {
    const { method, path, query, body } = visit;
    if (method === 'POST' && path === '/api/v1/auth/universal-auth/login') return login(world, body);
    const secrets = /^\/api\/(v4\/secrets|v3\/secrets\/raw)(?:\/([^/]+))?$/.exec(path);
    const generation = secrets?.[1]?.startsWith('v4') ? 'v4' : 'v3';
    const approval = /^\/api\/v1\/secret-approval-requests\/([^/]+)$/.exec(path);
    const rotation = /^\/api\/v2\/secret-rotations\/open-router-api-key\/([^/]+)$/.exec(path);
    if (secrets !== null && !world.settings.generations.has(generation)) return routeMissing(method, path);
    if (secrets === null && approval === null && rotation === null) return routeMissing(method, path);
    const identity = identityOf(world, authorization);
    if (!identity.isMember) throw new Refused(403, 'ProjectMembershipNotFound', 'You are not a member of this project');
    if (approval !== null) return getRequest(world, String(approval[1]));
    if (rotation !== null) {
      const id = String(rotation[1]);
      return method === 'PATCH' ? patchRotation(world, id, body) : deleteRotation(world, id, query);
    }
    const name = decodeURIComponent(secrets?.[2] ?? '').trim();
    const call: SecretCall = { generation, identity, name, fields: method === 'GET' ? query : body };
    if (name === '') return method === 'GET' ? listSecrets(world, call) : routeMissing(method, path);
    if (method === 'GET') return getSecret(world, call);
    if (method === 'POST') return createSecret(world, call);
    if (method === 'PATCH') return patchSecret(world, call);
    return deleteSecret(world, call);
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
        isMember: true,
        tokenLifeSeconds: 2_592_000,
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
  };
}
