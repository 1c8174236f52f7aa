import { expect, test } from 'vitest';
import { checkConnection } from '../../openrouter/check-connection.ts';
import { answer, clientOf, envelope, managementKey, type Script, startScriptedServer } from './scripted-server.ts';

const me = (isManagementKey: boolean) => ({
  data: { label: 'x', include_byok_in_limit: false, is_management_key: isManagementKey },
});
const workspace = { id: '0b7f3c52-9a4e-4d18-8c6d-2f1e5a9b7c30', name: 'Production', slug: 'production' };

/** A healthy account, with `changed` in place of what is healthy. */
function account(changed: Record<string, (...args: Parameters<Script>) => void> = {}): Script {
  const paths: typeof changed = {
    '/api/v1/key': (response) => answer(response, 200, me(true)),
    '/api/v1/credits': (response) => answer(response, 200, { data: { total_credits: 510, total_usage: 486.5 } }),
    '/api/v1/workspaces': (response, { query }) =>
      answer(response, 200, { data: query.get('offset') === '0' ? [workspace] : [], total_count: 1 }),
    ...changed,
  };
  return (...args) => paths[args[1].path]?.(...args);
}

async function checkAt(script: Script) {
  await using server = await startScriptedServer(script);
  await using client = clientOf(server.baseUrl);
  return { check: await checkConnection(client, managementKey), asked: server.received.map(({ path }) => path) };
}

test('fine: the workspaces and the credit left', async () => {
  expect((await checkAt(account())).check).toEqual({ state: 'fine', workspaces: [workspace], creditLeft: 23.5 });
});

test('not a key', async () => {
  const { check } = await checkAt(
    account({ '/api/v1/key': (response) => answer(response, 401, envelope(401, 'User not found.')) }),
  );
  expect(check).toEqual({ state: 'not-a-key' });
});

test('an inference key is not taken for an account without money: its credits are not even asked for', async () => {
  const { check, asked } = await checkAt(
    account({
      '/api/v1/key': (response) => answer(response, 200, me(false)),
      '/api/v1/credits': (response) => answer(response, 200, { data: { total_credits: 0, total_usage: 0 } }),
    }),
  );
  expect(check).toEqual({ state: 'not-a-management-key' });
  expect(asked).toEqual(['/api/v1/key']);
});

test('down: an answer from the edge, or none', async () => {
  const html = await checkAt((response) => response.writeHead(502).end('<html>'));
  expect(html.check).toMatchObject({ state: 'down', why: expect.stringContaining('502') });
  const nothing = await checkAt((response) => response.socket?.destroy());
  expect(nothing.check).toMatchObject({ state: 'down' });
});

test('rate limited, and for how long', async () => {
  const { check } = await checkAt(
    account({
      '/api/v1/credits': (response) =>
        answer(response, 429, envelope(429, 'Rate limit exceeded'), { 'retry-after': '12' }),
    }),
  );
  expect(check).toEqual({ state: 'rate-limited', retryAfterMs: 12_000 });
});

test('refused: the key is known, and OpenRouter says why not', async () => {
  const { check } = await checkAt(
    account({
      '/api/v1/key': (response) => answer(response, 403, envelope(403, "This API key's creator is no longer a member")),
    }),
  );
  expect(check).toMatchObject({ state: 'refused', why: expect.stringContaining('no longer a member') });
});
