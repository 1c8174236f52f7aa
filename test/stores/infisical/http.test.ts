import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Secret } from '../../../secrets/secret.ts';
import { createHttp } from '../../../stores/infisical/http.ts';

async function serverThat(answers: Parameters<typeof createServer>[1]) {
  const server = createServer(answers ?? (() => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const http = createHttp({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: null,
    timeoutMs: 200,
  });
  const stop = async () => {
    server.close();
    server.closeAllConnections();
  };
  onTestFinished(async () => {
    await stop();
    await http.close();
  });
  return { http, stop };
}

const write = { method: 'PATCH', path: '/api', body: {} } as const;

test('a server that takes a write and says nothing is given up, and may have done it', async () => {
  const { http } = await serverThat(() => {});
  expect(await http.send(write, null)).toEqual({ code: 'TIMEOUT', neverSent: false });
});

test('an answer that never ends is given up as well', async () => {
  const { http } = await serverThat((_, response) => void response.writeHead(200).write('{"secret":'));
  expect(await http.send(write, null)).toMatchObject({ status: 200, json: undefined });
});

test('a server that is not there has done nothing', async () => {
  const { http, stop } = await serverThat(() => {});
  await stop();
  expect(await http.send(write, null)).toEqual({ code: 'ECONNREFUSED', neverSent: true });
});

test('a token that would break a header is not sent, and not shown', async () => {
  const { http } = await serverThat(() => {});
  expect(await http.send(write, new Secret('two\nlines'))).toEqual({ code: 'UNSENDABLE_TOKEN', neverSent: true });
});
