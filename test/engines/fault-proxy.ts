import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as it comes by. */
export type Passing = { method: string; path: string; headers: IncomingMessage['headers']; body: string };

/** What happens to it instead of being passed on. */
export type Injection =
  /** It never arrives. */
  | { kind: 'request lost' }
  /** It takes effect, and nobody hears of it. */
  | { kind: 'answer lost' }
  /** It is passed on when this is over. */
  | { kind: 'held'; until: Promise<unknown> }
  /** `afterwards`: it takes effect all the same. */
  | { kind: 'answered'; status: number; headers?: Record<string, string>; body?: string; afterwards?: boolean };

export type FaultProxy = {
  url: string;
  passed: Passing[];
  /** Requests that change something and arrived. */
  changes: () => number;
  /** The next request that `picks` chooses meets this, once. */
  once: (picks: (passing: Passing) => boolean, injection: Injection) => void;
  /** Every request that `picks` chooses meets this, until the answer is called. */
  always: (picks: (passing: Passing) => boolean, injection: Injection) => () => void;
  close: () => Promise<void>;
};

/** Stands before a real server over HTTP and does what networks do. `isChange`: which requests change what readers see. */
export async function startFaultProxy(
  target: string,
  isChange: (passing: Passing) => boolean = ({ method }) => method !== 'GET',
): Promise<FaultProxy> {
  const passed: Passing[] = [];
  const rules: { picks: (passing: Passing) => boolean; injection: Injection; isOnce: boolean }[] = [];
  let changed = 0;

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = Buffer.concat(await incoming.toArray());
    const { method = 'GET', url = '/', headers } = incoming;
    const passing = { method, path: url, headers, body: body.toString() };
    passed.push(passing);
    const rule = rules.find(({ picks }) => picks(passing));
    if (rule?.isOnce) rules.splice(rules.indexOf(rule), 1);
    const injection = rule?.injection;
    if (injection?.kind === 'request lost') return void incoming.socket.destroy();
    if (injection?.kind === 'held') await injection.until;
    if (injection?.kind === 'answered' && !injection.afterwards) return answer(outgoing, injection);
    const answered = await passOn(passing, body);
    if (answered.status < 300 && isChange(passing)) changed += 1;
    if (injection?.kind === 'answer lost') return void incoming.socket.destroy();
    if (injection?.kind === 'answered') return answer(outgoing, injection);
    outgoing.writeHead(answered.status, answered.headers);
    outgoing.end(answered.body);
  }

  function passOn({ method, path, headers }: Passing, body: Buffer) {
    return new Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }>((resolve, reject) => {
      const { host: _, connection: __, ...kept } = headers;
      const onward = request(new URL(path, target), { method, headers: kept }, (told) => {
        told
          .toArray()
          .then(
            (parts) => resolve({ status: told.statusCode ?? 0, headers: told.headers, body: Buffer.concat(parts) }),
            reject,
          );
      });
      onward.on('error', reject);
      onward.end(body);
    });
  }

  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    changes: () => changed,
    once: (picks, injection) => void rules.push({ picks, injection, isOnce: true }),
    always(picks, injection) {
      const rule = { picks, injection, isOnce: false };
      rules.push(rule);
      return () => void rules.splice(rules.indexOf(rule), 1);
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function answer(outgoing: ServerResponse, { status, headers, body = '' }: Injection & { kind: 'answered' }): void {
  outgoing.writeHead(status, headers);
  outgoing.end(body);
}
