import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';

/** A request that reached the way, as it stood: to be answered otherwise, lost, or let through (undefined). */
export type Passing = { method: string; url: string; body: string };
type Fate =
  | 'lose the request'
  | 'lose the answer'
  | { status: number; json?: unknown; headers?: Record<string, string> }
  | undefined;

export type LossyWay = {
  url: string;
  /** What happens to each request, until it is set anew. */
  fate: (passing: Passing) => Fate | Promise<Fate>;
  passed: Passing[];
  close(): Promise<void>;
};

/** A change of a Secret: neither a look, nor a dry run, nor a question about rights. */
export function isChange({ method, url }: Passing): boolean {
  return method !== 'GET' && url.includes('/secrets') && !url.includes('dryRun=');
}

/** A way to an apiserver on which things get lost. Plain http on loopback, as `kubectl proxy` is. */
export async function startLossyWay(cluster: { url: string; ca: string }): Promise<LossyWay> {
  const agent = new Agent({ connect: { ca: cluster.ca } });
  const server = createServer((incoming, response) => void carry(incoming, response));
  async function carry(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(incoming);
    const passing = { method: incoming.method ?? '', url: incoming.url ?? '', body };
    way.passed.push(passing);
    const fate = await way.fate(passing);
    if (fate === 'lose the request') {
      incoming.socket.destroy();
      return;
    }
    if (typeof fate === 'object') {
      response
        .writeHead(fate.status, { 'content-type': 'application/json', ...fate.headers })
        .end(JSON.stringify(fate.json ?? {}));
      return;
    }
    const { authorization = '', 'content-type': type } = incoming.headers;
    const answer = await request(`${cluster.url}${passing.url}`, {
      method: passing.method as 'GET',
      headers: { authorization, ...(type === undefined ? {} : { 'content-type': type }) },
      body: body === '' ? null : body,
      dispatcher: agent,
    });
    const text = await answer.body.text();
    if (fate === 'lose the answer') {
      incoming.socket.destroy();
      return;
    }
    const { 'content-type': kind = '', 'audit-id': id = '', 'retry-after': wait } = answer.headers;
    response.writeHead(answer.statusCode, {
      'content-type': String(kind),
      'audit-id': String(id),
      ...(wait === undefined ? {} : { 'retry-after': String(wait) }),
    });
    response.end(text);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const way: LossyWay = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fate: () => undefined,
    passed: [],
    async close() {
      server.close();
      server.closeAllConnections();
      await Promise.all([once(server, 'close'), agent.close()]);
    },
  };
  return way;
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
