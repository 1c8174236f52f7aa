import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createManagementClient,
  type ManagementClient,
  type ManagementClientOptions,
} from '../../openrouter/client.ts';
import { Secret } from '../../secrets/secret.ts';

export type Received = {
  method: string;
  path: string;
  query: URLSearchParams;
  body: unknown;
  headers: IncomingHttpHeaders;
};

/** How to answer the request `received`, the `n`-th since the start, from 0. It is called when the body was read. */
export type Script = (response: ServerResponse, received: Received, n: number) => void;

/** An OpenRouter that answers what the test says, byte for byte, and remembers every request that reached it. */
export async function startScriptedServer(script: Script) {
  const received: Received[] = [];
  const answerTo = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const url = new URL(request.url ?? '/', 'http://server');
    const text = Buffer.concat(chunks).toString();
    const one: Received = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      body: text === '' ? undefined : JSON.parse(text),
      headers: request.headers,
    };
    received.push(one);
    script(response, one, received.length - 1);
  };
  const server = createServer((request, response) => {
    answerTo(request, response).catch((error) => response.destroy(error)); // the client went away
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    received,
    baseUrl: `http://127.0.0.1:${port}/api/v1`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const managementKey = new Secret(`sk-or-v1-${'d'.repeat(64)}`);

/** A client whose requests take no turns, unless told. */
export function clientOf(baseUrl: string, options: Partial<ManagementClientOptions> = {}) {
  const client = createManagementClient({
    connection: 'main',
    baseUrl,
    managementKey,
    timeoutMs: 5_000,
    ...options,
  });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() }) satisfies ManagementClient;
}

export function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** OpenRouter's error envelope, `message` before `code` as observed (facts §7). */
export const envelope = (status: number, message: string) => ({ error: { message, code: status } });

/** The key object of facts §2. */
export function keyObject(changes: Record<string, unknown> = {}) {
  return {
    hash: '3f1c9a7be0d24586a1f7c3e2b9d80475e6a1c2f3049b5d6e7f8091a2b3c4d5e6',
    name: 'checkout-prod',
    label: 'sk-or-v1-7d2...e41',
    disabled: false,
    limit: 50,
    limit_remaining: 50,
    limit_reset: 'monthly',
    include_byok_in_limit: false,
    usage: 0,
    usage_daily: 0,
    usage_weekly: 0,
    usage_monthly: 0,
    byok_usage: 0,
    byok_usage_daily: 0,
    byok_usage_weekly: 0,
    byok_usage_monthly: 0,
    created_at: '2026-11-23T09:14:07.512904+00:00',
    updated_at: null,
    expires_at: '2027-02-21T00:00:00+00:00',
    creator_user_id: 'user_2pQ8rT6vXc1LmN0aBcDeFgHiJkL',
    workspace_id: '0b7f3c52-9a4e-4d18-8c6d-2f1e5a9b7c30',
    external_user: null,
    ...changes,
  };
}

export const without = (object: Record<string, unknown>, ...fields: string[]) =>
  Object.fromEntries(Object.entries(object).filter(([field]) => !fields.includes(field)));
