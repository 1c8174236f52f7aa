import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { expect, test } from 'vitest';
import { freshKeyring } from '../../keyring/keyring.ts';
import { seal } from '../../secrets/seal.ts';
import { Secret } from '../../secrets/secret.ts';
import { contentOf, encrypted, jsonOf, serverUnderTest } from './server-under-test.ts';

const policy = { name: 'checkout', schedule: { every: 30 } };

test('what Keyturn encrypted comes back readable, by header and by path', async () => {
  await using server = await serverUnderTest();
  const payload = await encrypted(server.keyring, 'prod', policy);
  const byHeader = await server.post([payload]);
  const byPath = await server.post([payload], { path: '/prod/decode', headers: { 'x-namespace': undefined } });
  expect(byHeader.status).toBe(200);
  expect(byHeader.payloads).toEqual([jsonOf(defaultPayloadConverter.toPayload(policy) as Payload)]);
  expect(byPath.payloads).toEqual(byHeader.payloads);
});

test('the namespace of the path is the one that is authorised and decoded, whatever the header says', async () => {
  await using server = await serverUnderTest();
  const payload = await encrypted(server.keyring, 'other', policy);
  const { status } = await server.post([payload], { path: '/other/decode', headers: { 'x-namespace': 'prod' } });
  expect(status).toBe(403);
});

test("an empty X-Namespace, which Temporal's command line sends for its default, is namespace default", async () => {
  await using server = await serverUnderTest({ admit: async (_, namespace) => namespace });
  const payload = await encrypted(server.keyring, 'default', policy);
  const { payloads } = await server.post([payload], { headers: { 'x-namespace': '' } });
  expect(contentOf(payloads[0])).toEqual(policy);
});

test('what nothing here encrypted comes back as it came, between what was, with fields of a newer Temporal', async () => {
  await using server = await serverUnderTest();
  const plain = { ...jsonOf(defaultPayloadConverter.toPayload('clear') as Payload), fieldOfTomorrow: { a: 1 } };
  const payload = await encrypted(server.keyring, 'prod', policy);
  const { payloads } = await server.post([plain, payload, plain]);
  expect(payloads[0]).toEqual(plain);
  expect(contentOf(payloads[1])).toEqual(policy);
  expect(payloads[2]).toEqual(plain);
});

test('key material stays sealed inside what was decoded', async () => {
  const key = 'sk-or-v1-0123456789abcdef0123456789abcdef';
  await using server = await serverUnderTest();
  const created = { hash: 'f00d', sealed: seal(server.keyring, new Secret(key), 'aad') };
  const { text, payloads } = await server.post([await encrypted(server.keyring, 'prod', created)]);
  expect(contentOf(payloads[0])).toEqual({ hash: 'f00d', sealed: expect.stringMatching(/^kt1\./) });
  const everything = `${text}${JSON.stringify(contentOf(payloads[0]))}${server.logged()}`;
  for (const form of ['utf8', 'base64', 'hex'] as const)
    expect(everything).not.toContain(Buffer.from(key).toString(form));
});

test('a key that the keyring does not have is named, and nothing of the request is decoded', async () => {
  await using server = await serverUnderTest();
  const stranger = freshKeyring();
  const sent = [await encrypted(server.keyring, 'prod', policy), await encrypted(stranger, 'prod', policy)];
  const answer = await server.post(sent);
  expect(answer).toMatchObject({ status: 422, code: 'KEYTURN_PAYLOAD_UNREADABLE', payloads: sent });
  expect(answer.text).toContain(stranger.activeId);
});

test('the access log says who had what decoded, and holds nothing of a payload, a token or a body', async () => {
  await using server = await serverUnderTest();
  const { keyring } = server;
  const payload = await encrypted(keyring, 'prod', { canary: 'tell-tale' });
  await server.post([payload, payload]);
  await server.post([payload], { headers: { authorization: `Bearer ${await server.jwt()}` } });
  await server.post([payload], { headers: { authorization: 'Bearer wrong-token-that-somebody-tried' } });
  await server.post([{ ...payload, data: Buffer.from('tell-tale').toString('base64') }]);
  const lines = server.logged().split('\n');
  const by = (who: string, payloads: number) =>
    `decoded ${JSON.stringify({ who, namespace: 'prod', payloads, keyIds: [keyring.activeId] })}`;
  expect(lines.slice(0, 2)).toEqual([by('web-ui', 2), by('ada@example.com', 1)]);
  expect(lines[2]).toMatch(/refused.*401.*KEYTURN_CODEC_UNAUTHENTICATED.*127\.0\.0\.1/);
  expect(lines[3]).toMatch(/refused.*422/);
  for (const leak of ['tell-tale', payload.data, 'Bearer', 'wrong-token']) expect(server.logged()).not.toContain(leak);
});

test('/encode is there only when it is switched on, and encodes what /decode decodes', async () => {
  const clear = jsonOf(defaultPayloadConverter.toPayload(policy) as Payload);
  {
    await using server = await serverUnderTest();
    expect(await server.post([clear], { path: '/encode' })).toMatchObject({ status: 404 });
  }
  await using server = await serverUnderTest({ encode: true });
  const { payloads, text } = await server.post([clear], { path: '/prod/encode' });
  expect(text).not.toContain(clear.data);
  expect((await server.post(payloads)).payloads).toEqual([clear]);
});
