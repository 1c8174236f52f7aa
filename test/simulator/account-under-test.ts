import { request } from 'undici';
import { onTestFinished } from 'vitest';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/index.ts';

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT';
// biome-ignore lint/suspicious/noExplicitAny: these tests look at what came over the wire, whatever its shape
type Json = any;
export type Reply = { status: number; headers: Record<string, unknown>; text: string; json: Json };

/** A simulator for one test, closed after it, and the requests a client of it would send. */
export async function account(options: SimulatorOptions = {}) {
  const simulator = await startSimulator(options);
  onTestFinished(() => simulator.close());
  return { simulator, control: simulator.control, ...client(simulator) };
}

export function client({ url, controlUrl, managementKey }: Simulator) {
  async function call(method: Method, path: string, secret: string | null, body?: unknown): Promise<Reply> {
    return send(method, url + path, body, secret === null ? {} : { authorization: `Bearer ${secret}` });
  }

  const manage = (method: Method, path: string, body?: unknown) => call(method, path, managementKey, body);

  return {
    call,
    manage,
    /** Makes a key and hands out what its caller gets. */
    async create(fields: Record<string, unknown> = {}): Promise<{ hash: string; secret: string; data: Json }> {
      const { status, json, text } = await manage('POST', '/keys', { name: 'checkout', ...fields });
      if (status !== 201) throw new Error(text);
      return { hash: json.data.hash, secret: json.key, data: json.data };
    },
    /** Status of GET /key: does the key work? */
    works: async (secret: string) => (await call('GET', '/key', secret)).status,
    chat: (secret: string, fields: Record<string, unknown> = {}) =>
      call('POST', '/chat/completions', secret, {
        model: 'openai/gpt-4o-mini',
        messages: [{ role: 'user', content: 'ping' }],
        max_tokens: 16,
        ...fields,
      }),
    controlCall: (method: Method, path: string, body?: unknown) => send(method, controlUrl + path, body),
  };
}

async function send(method: Method, url: string, body?: unknown, headers = {}): Promise<Reply> {
  const response = await request(url, {
    method,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.body.text();
  return { status: response.statusCode, headers: response.headers, text, json: parse(text) };
}

function parse(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function error(code: number, message: string) {
  return { error: { message, code } };
}
