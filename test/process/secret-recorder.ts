import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { request } from 'undici';

/**
 * Stands between Keyturn and the simulator and notes every secret that is handed out; the simulator keeps none.
 * Spoils answers itself where that is asked for, so that it knows what was in them.
 */
export type SecretRecorder = {
  /** Base URL of the API, as the simulator's own. */
  url: string;
  /** Every secret of every key that was made, oldest first. */
  secrets: string[];
  /** The next answer to a create: `lost` is not sent at all, `cut` breaks off in the middle of the secret. */
  spoilNextCreate(how: 'lost' | 'cut'): void;
  close(): Promise<void>;
};

export async function startSecretRecorder(upstream: string): Promise<SecretRecorder> {
  const secrets: string[] = [];
  let spoil: 'lost' | 'cut' | null = null;

  async function forward(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { authorization = '', 'content-type': type = 'application/json' } = asked.headers;
    const { statusCode, headers, body } = await request(new URL(asked.url ?? '', upstream), {
      method: asked.method as 'GET',
      headers: { authorization, 'content-type': type },
      body: asked.method === 'GET' ? null : await buffer(asked),
    });
    const text = await body.text();
    const sent = { 'content-type': String(headers['content-type']) };
    if (statusCode !== 201) return void answer.writeHead(statusCode, sent).end(text);

    const secret = String((JSON.parse(text) as { key: string }).key);
    secrets.push(secret);
    const how = spoil;
    spoil = null;
    if (how === 'lost') return void answer.socket?.resetAndDestroy();
    answer.writeHead(statusCode, { ...sent, 'content-length': Buffer.byteLength(text) });
    if (how === null) return void answer.end(text);
    const half = text.slice(0, text.indexOf(secret) + secret.length / 2);
    answer.write(half, () => setImmediate(() => answer.socket?.destroy()));
  }

  const server = createServer((asked, answer) => {
    forward(asked, answer).catch(() => answer.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`,
    secrets,
    spoilNextCreate: (how) => {
      spoil = how;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
