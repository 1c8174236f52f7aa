import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request of AWS's JSON protocol, as it comes by. */
export type Call = { action: string; input: Record<string, unknown>; accessKeyId: string };

/** What happens to a call instead of being passed on. `afterwards`: it is passed on, and then its answer is not. */
export type Injection =
  | { kind: 'lost' }
  | { kind: 'answer lost' }
  | { kind: 'after'; happens: () => Promise<unknown>; next?: Injection }
  | {
      kind: 'error';
      status: number;
      type?: string;
      headers?: Record<string, string>;
      body?: string;
      afterwards?: boolean;
    }
  | { kind: 'answer'; edit: (answer: Record<string, unknown>) => Record<string, unknown> };

export type AwsProxy = {
  url: string;
  calls: Call[];
  /** Calls that have changed something. */
  changes: () => number;
  /** Each call that comes goes through all of these; the first that answers something decides. */
  rules: ((call: Call) => Injection | undefined)[];
  /** The next call that `picks` chooses, once. */
  once: (picks: string | ((call: Call) => boolean), injection: Injection) => void;
  /** Forgets rules and calls. */
  reset: () => void;
  close: () => Promise<void>;
};

const changing =
  /^(CreateSecret|PutSecretValue|UpdateSecretVersionStage|DeleteSecret|PutParameter|DeleteParameter|LabelParameterVersion)$/;

export const isChange = ({ action, input }: Call) =>
  changing.test(action) && !JSON.stringify(input).includes('keyturn-check') && !('AllowedPattern' in input);

/** Stands between a store and moto: counts, loses, refuses. */
export async function startAwsProxy(target: string): Promise<AwsProxy> {
  const calls: Call[] = [];
  const rules: AwsProxy['rules'] = [];
  let changed = 0;

  const server = createServer((incoming, outgoing) => {
    void handle(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = Buffer.concat(await incoming.toArray());
    const call: Call = {
      action: String(incoming.headers['x-amz-target']).split('.').at(-1) ?? '',
      input: JSON.parse(body.toString() || '{}') as Record<string, unknown>,
      accessKeyId: /Credential=([^/]+)/.exec(incoming.headers.authorization ?? '')?.[1] ?? '',
    };
    calls.push(call);
    let injection: Injection | undefined;
    for (const rule of [...rules]) injection ??= rule(call);
    if (injection?.kind === 'after') {
      await injection.happens();
      injection = injection.next;
    }
    if (injection?.kind === 'lost') return void outgoing.destroy();
    if (injection?.kind === 'error' && injection.afterwards !== true) return answerError(outgoing, injection);
    const { status, text } = await passOn(incoming, body);
    // moto refuses for rights as IAM itself does, in XML; AWS's other services do it in their own form.
    const [, refusedAs] = /<Code>(AccessDenied|InvalidClientTokenId|SignatureDoesNotMatch)<\/Code>/.exec(text) ?? [];
    if (status === 403 && refusedAs !== undefined) {
      const type = refusedAs === 'AccessDenied' ? 'AccessDeniedException' : refusedAs;
      return answerError(outgoing, { kind: 'error', status: 400, type });
    }
    if (status < 300 && isChange(call)) changed++;
    if (injection?.kind === 'answer lost') return void outgoing.destroy();
    if (injection?.kind === 'error') return answerError(outgoing, injection);
    const answer =
      injection?.kind === 'answer' ? JSON.stringify(injection.edit(JSON.parse(text) as Record<string, unknown>)) : text;
    outgoing.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': 'r-1' });
    outgoing.end(answer);
  }

  function passOn({ headers, method, url }: IncomingMessage, body: Buffer): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const onward = request(new URL(url ?? '/', target), { method: method ?? 'POST', headers }, (answer) => {
        answer
          .toArray()
          .then(
            (chunks) => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
            reject,
          );
      });
      onward.on('error', reject);
      onward.end(body);
    });
  }

  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    changes: () => changed,
    rules,
    once(picks, injection) {
      const rule = (call: Call) => {
        if (typeof picks === 'string' ? call.action !== picks : !picks(call)) return undefined;
        rules.splice(rules.indexOf(rule), 1);
        return injection;
      };
      rules.push(rule);
    },
    reset() {
      rules.length = 0;
      calls.length = 0;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

type InjectedError = Extract<Injection, { kind: 'error' }>;

function answerError(outgoing: ServerResponse, { status, type, headers, body }: InjectedError): void {
  const contentType = type === undefined ? 'text/html' : 'application/x-amz-json-1.1';
  outgoing.writeHead(status, { 'content-type': contentType, 'x-amzn-requestid': 'r-1', ...headers });
  outgoing.end(body ?? JSON.stringify({ __type: type, message: 'text of the server, with sk-or-v1-in-a-message' }));
}
