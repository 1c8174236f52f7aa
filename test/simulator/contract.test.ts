import { describe, expect, test } from 'vitest';
import { account, error } from './account-under-test.ts';

const secretForm = /^sk-or-v1-[0-9a-f]{64}$/;
const stampForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/;
const unknownHash = 'f'.repeat(64);

describe('§1 base', () => {
  test('§1 inference and management keys look the same: sk-or-v1- and 64 hex', async () => {
    const { simulator, create } = await account();
    expect(simulator.managementKey).toMatch(secretForm);
    expect((await create()).secret).toMatch(secretForm);
  });

  test('§1 a repeated POST with the same name makes a second key', async () => {
    const { create, control } = await account();
    const [one, two] = [await create({ name: 'twin' }), await create({ name: 'twin' })];
    expect(one.hash).not.toBe(two.hash);
    expect(control.liveKeys().map(({ name }) => name)).toEqual(['twin', 'twin']);
  });
});

describe('§2 the key object', () => {
  test('§2 has exactly the documented fields, external_user too, and no secret', async () => {
    const { create, manage } = await account();
    const { hash, secret, data } = await create({
      name: 'checkout-prod',
      limit: 50,
      limit_reset: 'monthly',
      expires_at: '2027-02-21T00:00:00Z',
    });
    expect(data).toEqual({
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      name: 'checkout-prod',
      label: `${secret.slice(0, 12)}...${secret.slice(-3)}`,
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
      created_at: expect.stringMatching(stampForm),
      updated_at: null,
      expires_at: '2027-02-21T00:00:00+00:00',
      creator_user_id: expect.stringMatching(/^user_/),
      workspace_id: expect.any(String),
      external_user: null,
    });
    expect((await manage('GET', `/keys/${hash}`)).text).not.toContain(secret);
  });

  test('§2 the hash does not follow from the secret', async () => {
    const { create } = await account();
    const { createHash } = await import('node:crypto');
    const { hash, secret } = await create();
    expect(hash).not.toBe(createHash('sha256').update(secret).digest('hex'));
  });

  test('§2 updated_at is null until the first PATCH', async () => {
    const { create, manage } = await account();
    const { hash } = await create();
    const patched = await manage('PATCH', `/keys/${hash}`, { disabled: true });
    expect(patched.json.data.updated_at).toMatch(stampForm);
    expect(patched.json.data.updated_at > patched.json.data.created_at).toBe(true);
  });

  test('§2 created_at has microseconds even when the clock stands on a whole second', async () => {
    const { create, control } = await account();
    control.clock.freeze();
    control.clock.set('2026-11-23T09:00:00Z');
    const stamps = [await create(), await create()].map(({ data }) => data.created_at);
    expect(stamps).toEqual([expect.stringMatching(stampForm), expect.stringMatching(stampForm)]);
    expect(stamps[0] < stamps[1]).toBe(true);
  });
});

describe('§3.1 POST /keys', () => {
  test('§3.1 answers 201 with the secret at top level, not in data', async () => {
    const { manage } = await account();
    const { status, json } = await manage('POST', '/keys', { name: 'a' });
    expect(status).toBe(201);
    expect(Object.keys(json)).toEqual(['data', 'key']);
    expect(json.key).toMatch(secretForm);
    expect(json.data).not.toHaveProperty('key');
  });

  test('§3.1 the secret is shown once: no other answer holds it', async () => {
    const { create, manage, call } = await account();
    const { hash, secret } = await create();
    const answers = [
      await manage('GET', `/keys/${hash}`),
      await manage('GET', '/keys'),
      await manage('PATCH', `/keys/${hash}`, { name: 'b' }),
      await call('GET', '/key', secret),
      await manage('DELETE', `/keys/${hash}`),
    ];
    expect(answers.filter(({ text }) => text.includes(secret))).toEqual([]);
  });

  test.each([
    ['no name', {}, 'name: Invalid input: expected string, received undefined'],
    ['an empty name', { name: '' }, 'name: Too small: expected string to have >=1 characters'],
    ['a text as limit', { name: 'a', limit: '5' }, 'limit: Invalid input: expected number, received string'],
    ['another reset', { name: 'a', limit_reset: 'yearly' }, /^limit_reset: Invalid option/],
    ['an id that is no uuid', { name: 'a', workspace_id: 'default' }, 'workspace_id: Invalid UUID'],
    ['minute precision', { name: 'a', expires_at: '2027-02-21T00:00Z' }, 'expires_at: Invalid ISO datetime'],
    ['no zone', { name: 'a', expires_at: '2027-02-21T00:00:00' }, 'expires_at: Invalid ISO datetime'],
    ['another zone', { name: 'a', expires_at: '2027-02-21T00:00:00+01:00' }, 'expires_at: Invalid ISO datetime'],
    ['an empty creator', { name: 'a', creator_user_id: '' }, /^creator_user_id: Too small/],
  ])('§3.1 refuses %s with 400 in the form "field: zod text" and makes no key', async (_what, body, message) => {
    const { manage, control } = await account();
    const { status, json } = await manage('POST', '/keys', body);
    expect(status).toBe(400);
    expect(json).toEqual({
      error: { message: typeof message === 'string' ? message : expect.stringMatching(message), code: 400 },
    });
    expect(control.ledger().keys).toEqual([]);
  });

  test.each(['{"name":', ''])('§3.1 refuses a body that is no JSON (%j) with 400', async (body) => {
    const { manage } = await account();
    const { status, json } = await manage('POST', '/keys', body);
    expect([status, json]).toEqual([400, error(400, 'Invalid request parameters')]);
  });

  test('§3.1 refuses a workspace that does not exist', async () => {
    const { manage } = await account();
    const { status } = await manage('POST', '/keys', {
      name: 'a',
      workspace_id: '0b7f3c52-9a4e-4d18-8c6d-2f1e5a9b7c30',
    });
    expect(status).toBe(400);
  });

  test('§3.1 accepts fractional seconds in expires_at, and null for what is nullable', async () => {
    const { create } = await account();
    const { data } = await create({
      expires_at: '2099-01-01T00:00:00.000Z',
      limit: null,
      limit_reset: null,
      creator_user_id: null,
    });
    expect(data).toMatchObject({
      expires_at: '2099-01-01T00:00:00.000+00:00',
      limit: null,
      limit_remaining: null,
      limit_reset: null,
    });
  });

  test('§3.1 a limit without limit_reset is a lifetime cap, and 0 is a limit', async () => {
    const { create } = await account();
    expect((await create({ limit: 5 })).data).toMatchObject({ limit: 5, limit_reset: null });
    expect((await create({ limit: 0 })).data).toMatchObject({ limit: 0, limit_remaining: 0 });
  });

  test('§3.1 without workspace_id the key lands in the default workspace', async () => {
    const { create, control } = await account();
    expect((await create()).data.workspace_id).toBe(control.workspaces.list()[0]?.id);
  });

  test('§3.1 keeps creator_user_id and external.user as given', async () => {
    const { create } = await account();
    const { data } = await create({ creator_user_id: 'user_x', external: { user: 'partner-7' } });
    expect(data).toMatchObject({ creator_user_id: 'user_x', external_user: 'partner-7' });
  });

  test('§3.1 disabled is not accepted at creation', async () => {
    const { create } = await account();
    expect((await create({ disabled: true })).data.disabled).toBe(false);
  });
});

describe('§3.2 GET /keys', () => {
  test('§3.2 pages of 100, newest first, with no total_count', async () => {
    const { create, manage } = await account();
    for (let n = 1; n <= 102; n++) await create({ name: `k${n}` });
    const first = (await manage('GET', '/keys?include_disabled=true')).json;
    const second = (await manage('GET', '/keys?include_disabled=true&offset=100')).json;
    expect(Object.keys(first)).toEqual(['data']);
    expect(first.data).toHaveLength(100);
    expect(first.data[0].name).toBe('k102');
    expect(second.data.map(({ name }: { name: string }) => name)).toEqual(['k2', 'k1']);
    expect((await manage('GET', '/keys?offset=102')).json).toEqual({ data: [] });
  });

  test('§3.2 hides disabled keys unless include_disabled=true', async () => {
    const { create, manage } = await account();
    const { hash } = await create();
    await manage('PATCH', `/keys/${hash}`, { disabled: true });
    expect((await manage('GET', '/keys')).json.data).toEqual([]);
    expect((await manage('GET', '/keys?include_disabled=false')).json.data).toEqual([]);
    expect((await manage('GET', '/keys?include_disabled=true')).json.data).toHaveLength(1);
  });

  test('§3.2 lists only the default workspace unless told', async () => {
    const { create, manage, control } = await account();
    const { id } = control.workspaces.add({ name: 'Staging' });
    const { hash } = await create({ workspace_id: id });
    expect((await manage('GET', '/keys')).json.data).toEqual([]);
    expect((await manage('GET', `/keys?workspace_id=${id}`)).json.data).toMatchObject([{ hash, workspace_id: id }]);
  });

  test('§3.2 rows shift when a key is deleted between two pages', async () => {
    const { create, manage } = await account();
    const keys = [];
    for (let n = 1; n <= 101; n++) keys.push(await create({ name: `k${n}` }));
    await manage('DELETE', `/keys/${keys[100]?.hash}`);
    expect((await manage('GET', '/keys?offset=100')).json.data).toEqual([]);
  });

  test('§3.2 neither management keys nor deleted keys are listed', async () => {
    const { create, manage } = await account();
    const { hash } = await create();
    await manage('DELETE', `/keys/${hash}`);
    expect((await manage('GET', '/keys?include_disabled=true')).json).toEqual({ data: [] });
  });

  test.each(['include_disabled=yes', 'offset=-1', 'offset=x', 'workspace_id=7'])(
    '§3.2 refuses ?%s with 400',
    async (query) => {
      const { manage } = await account();
      expect((await manage('GET', `/keys?${query}`)).status).toBe(400);
    },
  );
});

describe('§3.3 to §3.5 one key', () => {
  test('§3.3 GET finds a key of any workspace by its hash; unknown is 404', async () => {
    const { create, manage, control } = await account();
    const { hash, data } = await create({ workspace_id: control.workspaces.add({ name: 'Staging' }).id });
    expect((await manage('GET', `/keys/${hash}`)).json).toEqual({ data });
    const { status, json } = await manage('GET', `/keys/${unknownHash}`);
    expect([status, json]).toEqual([404, error(404, 'Resource not found')]);
  });

  test('§3.4 PATCH changes what is named, leaves the rest, and null clears a limit', async () => {
    const { create, manage } = await account();
    const { hash } = await create({ limit: 50, limit_reset: 'monthly' });
    const renamed = await manage('PATCH', `/keys/${hash}`, { name: 'new', include_byok_in_limit: true });
    expect(renamed.status).toBe(200);
    expect(renamed.json.data).toMatchObject({
      name: 'new',
      include_byok_in_limit: true,
      limit: 50,
      limit_reset: 'monthly',
    });
    const cleared = await manage('PATCH', `/keys/${hash}`, { limit: null, limit_reset: null });
    expect(cleared.json.data).toMatchObject({ name: 'new', limit: null, limit_remaining: null, limit_reset: null });
  });

  test('§3.4 expires_at, workspace_id and creator_user_id cannot be patched', async () => {
    const { create, manage, control } = await account();
    const { hash, data } = await create({ expires_at: '2099-01-01T00:00:00Z' });
    const { id } = control.workspaces.add({ name: 'Staging' });
    await manage('PATCH', `/keys/${hash}`, { expires_at: null, workspace_id: id, creator_user_id: 'user_x' });
    const { expires_at, workspace_id, creator_user_id } = data;
    expect((await manage('GET', `/keys/${hash}`)).json.data).toMatchObject({
      expires_at,
      workspace_id,
      creator_user_id,
    });
  });

  test('§3.4 PATCH refuses a wrong value with 400, an unknown key with 404', async () => {
    const { create, manage } = await account();
    const { hash } = await create();
    expect((await manage('PATCH', `/keys/${hash}`, { disabled: 'true' })).status).toBe(400);
    expect((await manage('PATCH', `/keys/${unknownHash}`, { disabled: true })).status).toBe(404);
  });

  test('§3.4 disabled is reversible', async () => {
    const { create, manage, works } = await account();
    const { hash, secret } = await create();
    await manage('PATCH', `/keys/${hash}`, { disabled: true });
    expect(await works(secret)).toBe(401);
    await manage('PATCH', `/keys/${hash}`, { disabled: false });
    expect(await works(secret)).toBe(200);
  });

  test('§3.5 DELETE answers 200 {"deleted":true}, and 404 the second time', async () => {
    const { create, manage } = await account();
    const { hash } = await create();
    const first = await manage('DELETE', `/keys/${hash}`);
    expect([first.status, first.json]).toEqual([200, { deleted: true }]);
    expect((await manage('DELETE', `/keys/${hash}`)).status).toBe(404);
    expect((await manage('GET', `/keys/${hash}`)).status).toBe(404);
  });
});

describe('§3.6 GET /key', () => {
  test('§3.6 shows an inference key its limits and workspace, but no hash, name or disabled', async () => {
    const { create, call } = await account();
    const { secret, data } = await create({ limit: 50, limit_reset: 'monthly' });
    const { status, json } = await call('GET', '/key', secret);
    expect(status).toBe(200);
    const { label, workspace_id, creator_user_id } = data;
    expect(json.data).toMatchObject({
      label,
      workspace_id,
      creator_user_id,
      limit: 50,
      limit_remaining: 50,
      limit_reset: 'monthly',
      include_byok_in_limit: false,
      usage: 0,
      byok_usage_monthly: 0,
      expires_at: null,
      organization_id: null,
      is_free_tier: false,
      is_management_key: false,
      is_provisioning_key: false,
      allowed_data_regions: ['global'],
      free_model_daily_requests: { limit: 1000, used: 0, remaining: 1000 },
      rate_limit: { requests: -1 },
    });
    for (const field of ['hash', 'name', 'disabled']) expect(json.data).not.toHaveProperty(field);
  });

  test('§3.6 works with a management key and says that it is one', async () => {
    const { manage } = await account();
    const { status, json } = await manage('GET', '/key');
    expect(status).toBe(200);
    expect(json.data).toMatchObject({ is_management_key: true, is_provisioning_key: true });
  });
});

describe('§3.7 GET /credits', () => {
  test('§3.7 total_credits and total_usage; what keys spent stays spent when they are deleted', async () => {
    const { create, manage, control } = await account();
    control.setCredits(510);
    const { hash } = await create();
    control.keys.spend(hash, { credits: 12.5 });
    await manage('DELETE', `/keys/${hash}`);
    expect((await manage('GET', '/credits')).json).toEqual({ data: { total_credits: 510, total_usage: 12.5 } });
  });

  test('§3.7 an inference key gets 403, or 200 with zeros by switch', async () => {
    const { create, call, control } = await account();
    const { secret } = await create();
    expect((await call('GET', '/credits', secret)).status).toBe(403);
    control.set({ variants: { creditsForInferenceKey: 'zeros' } });
    const { status, json } = await call('GET', '/credits', secret);
    expect([status, json]).toEqual([200, { data: { total_credits: 0, total_usage: 0 } }]);
  });
});

describe('§5 workspaces', () => {
  test('§5 GET /workspaces pages with offset and limit and has a total_count', async () => {
    const { manage, control } = await account();
    control.workspaces.add({ name: 'My Staging' });
    const { json } = await manage('GET', '/workspaces?limit=1&offset=1');
    expect(json.total_count).toBe(2);
    expect(json.data).toMatchObject([{ name: 'My Staging', slug: 'my-staging', io_logging_api_key_ids: null }]);
    expect((await manage('GET', '/workspaces?limit=101')).status).toBe(400);
  });

  test('§5 GET /workspaces/{id or slug}', async () => {
    const { manage, control } = await account();
    const { id, slug } = control.workspaces.add({ name: 'Staging' });
    expect((await manage('GET', `/workspaces/${id}`)).json.data.slug).toBe(slug);
    expect((await manage('GET', `/workspaces/${slug}`)).json.data.id).toBe(id);
    expect((await manage('GET', '/workspaces/none')).status).toBe(404);
  });
});

describe('§6 chat', () => {
  test('§6 answers one choice and what it cost', async () => {
    const { create, chat, call } = await account();
    const { secret } = await create();
    const { status, json } = await chat(secret);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      id: expect.stringMatching(/^gen-\d+-/),
      object: 'chat.completion',
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'pong' } }],
      usage: { cost: 0.0000024 },
    });
    expect((await call('GET', '/key', secret)).json.data.usage).toBe(0.0000024);
  });

  test('§6 without a cap on tokens the check before the call can refuse with 402', async () => {
    const { create, chat, control } = await account();
    control.setCredits(0.05);
    const { secret } = await create();
    const { status, json } = await chat(secret, { max_tokens: undefined });
    expect(status).toBe(402);
    expect(json.error.message).toMatch(
      /You requested up to 32000 tokens, but can only afford 25000\. .*settings\/credits/,
    );
    expect(json).toMatchObject({
      error: { metadata: { provider_name: null } },
      user_id: expect.stringMatching(/^user_/),
    });
    expect((await chat(secret)).status).toBe(200);
  });

  test('§6 HTTP 200 can carry a provider error', async () => {
    const { create, chat, control } = await account();
    const { secret } = await create();
    control.injections.add({ on: 'chat', when: 'after', kind: 'provider-error' });
    const { status, json } = await chat(secret);
    expect([status, json]).toEqual([200, error(502, 'Provider returned error')]);
  });
});

describe('§7 errors', () => {
  test('§7 message comes before code in the envelope', async () => {
    const { call } = await account();
    expect((await call('GET', '/key', `sk-or-v1-${unknownHash}`)).text).toBe(
      '{"error":{"message":"User not found.","code":401}}',
    );
  });

  test('§7 no header: 401 Missing Authentication header', async () => {
    const { call } = await account();
    const { status, json } = await call('GET', '/keys', null);
    expect([status, json]).toEqual([401, error(401, 'Missing Authentication header')]);
  });

  test('§7 unknown, deleted, disabled and expired keys get the same bytes', async () => {
    const { create, call, control } = await account();
    const deleted = await create();
    const disabled = await create();
    const expired = await create({ expires_at: new Date(Date.now() + 60_000).toISOString() });
    control.keys.delete(deleted.hash);
    control.keys.disable(disabled.hash);
    control.clock.advance(60_000);
    const secrets = [`sk-or-v1-${unknownHash}`, deleted.secret, disabled.secret, expired.secret];
    const answers = await Promise.all(secrets.map((secret) => call('GET', '/key', secret)));
    expect(answers.map(({ status, text }) => `${status} ${text}`)).toEqual(
      Array(4).fill('401 {"error":{"message":"User not found.","code":401}}'),
    );
  });

  test('§7 a management key on chat: 401 User not found.', async () => {
    const { simulator, chat } = await account();
    const { status, json } = await chat(simulator.managementKey);
    expect([status, json]).toEqual([401, error(401, 'User not found.')]);
  });

  test.each([
    ['POST', '/keys'],
    ['GET', '/keys'],
    ['GET', '/keys/:hash'],
    ['PATCH', '/keys/:hash'],
    ['DELETE', '/keys/:hash'],
    ['GET', '/workspaces'],
  ] as const)('§7 an inference key on %s %s: 403, or 401 by switch, and nothing happens', async (method, path) => {
    const { create, call, control } = await account();
    const { hash, secret } = await create();
    const attempt = () =>
      call(method, path.replace(':hash', hash), secret, method === 'GET' ? undefined : { name: 'x' });
    const { status, json } = await attempt();
    expect([status, json]).toEqual([403, error(403, 'Only management keys can perform this operation')]);
    control.set({ variants: { wrongKind: 401 } });
    expect((await attempt()).status).toBe(401);
    expect(control.liveKeys()).toMatchObject([{ hash, name: 'checkout' }]);
  });

  test('§7 account empty: 402 Insufficient credits', async () => {
    const { create, chat, control } = await account();
    control.setCredits(0);
    const { status, json } = await chat((await create()).secret);
    expect(status).toBe(402);
    expect(json.error.message).toBe('Insufficient credits. Add more using https://openrouter.ai/credits');
  });

  test.each([
    ['monthly', 'monthly'],
    ['daily', 'daily'],
    [null, 'total'],
  ])('§7 key cap (%s) reached: 403 Key limit exceeded (%s limit), or 402 by switch', async (limit_reset, word) => {
    const { create, chat, works, control } = await account();
    const { hash, secret } = await create({ limit: 1, limit_reset });
    control.keys.spend(hash, { credits: 1 });
    const { status, json } = await chat(secret);
    expect(status).toBe(403);
    expect(json.error.message).toBe(
      `Key limit exceeded (${word} limit). Manage it using https://openrouter.ai/settings/keys`,
    );
    control.set({ variants: { keyCap: 402 } });
    expect((await chat(secret)).status).toBe(402);
    expect(await works(secret)).toBe(200);
  });

  test('§7 the key cap can also bind in the check of max_tokens: 402 that names the key', async () => {
    const { create, chat } = await account();
    const { secret } = await create({ limit: 0.01 });
    const { status, json } = await chat(secret, { max_tokens: 6000 });
    expect(status).toBe(402);
    expect(json.error.message).toMatch(/can only afford 5000\. .*create a key with a higher monthly limit$/);
  });

  test('§7 workspace budget exceeded: 403 with the amount', async () => {
    const { create, chat, control } = await account();
    const { id } = control.workspaces.add({ name: 'Small', monthlyBudget: 500 });
    const { hash, secret } = await create({ workspace_id: id });
    control.keys.spend(hash, { credits: 500 });
    const { status, json } = await chat(secret);
    expect(status).toBe(403);
    expect(json.error.message).toBe('Workspace monthly budget of $500.00 exceeded. Contact your org admin.');
  });

  test('§7 429 has Retry-After and the error type', async () => {
    const { manage, call, create, control } = await account();
    const { secret } = await create();
    control.set({ rateLimit: { perSecond: 0.1 } });
    expect((await manage('GET', '/keys')).status).toBe(200);
    const { status, json, headers } = await manage('GET', '/keys');
    expect(status).toBe(429);
    expect(json.error).toEqual({
      message: 'Rate limit exceeded',
      code: 429,
      metadata: { error_type: 'rate_limit_exceeded' },
    });
    expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(9);
    expect((await call('GET', '/key', secret)).status).toBe(200);
  });
});

describe('§8 semantics', () => {
  test('§8 windows reset at 00:00 UTC: the day, the week on Monday, the month on the first', async () => {
    const { create, manage, control } = await account();
    control.clock.freeze();
    control.clock.set('2026-11-28T23:59:59Z'); // a Saturday
    const { hash } = await create({ limit: 10, limit_reset: 'weekly' });
    control.keys.spend(hash, { credits: 1 });
    const usage = async (at: string) => {
      control.clock.set(at);
      const { data } = (await manage('GET', `/keys/${hash}`)).json;
      return [data.usage, data.usage_daily, data.usage_weekly, data.usage_monthly, data.limit_remaining];
    };
    expect(await usage('2026-11-28T23:59:59Z')).toEqual([1, 1, 1, 1, 9]);
    expect(await usage('2026-11-29T00:00:00Z')).toEqual([1, 0, 1, 1, 9]);
    expect(await usage('2026-11-30T00:00:00Z')).toEqual([1, 0, 0, 1, 10]);
    expect(await usage('2026-12-01T00:00:00Z')).toEqual([1, 0, 0, 0, 10]);
  });

  test('§8 limit_remaining takes the window of limit_reset, or all time when null', async () => {
    const { create, manage, control } = await account();
    control.clock.set('2026-11-23T12:00:00Z');
    const remaining = async (limit_reset: string | null) => {
      const { hash } = await create({ limit: 30, limit_reset });
      control.keys.spend(hash, { credits: 3.175, at: '2026-11-22T12:00:00Z' });
      control.keys.spend(hash, { credits: 0.0000018 });
      return (await manage('GET', `/keys/${hash}`)).json.data.limit_remaining;
    };
    expect(await remaining('daily')).toBe(29.9999982);
    expect(await remaining('monthly')).toBe(26.8249982);
    expect(await remaining(null)).toBe(26.8249982);
  });

  test('§8 BYOK spend counts against the limit only with include_byok_in_limit', async () => {
    const { create, manage, control } = await account();
    const { hash } = await create({ limit: 10 });
    control.keys.spend(hash, { byok: 4 });
    expect((await manage('GET', `/keys/${hash}`)).json.data).toMatchObject({
      usage: 0,
      byok_usage: 4,
      limit_remaining: 10,
    });
    const { json } = await manage('PATCH', `/keys/${hash}`, { include_byok_in_limit: true });
    expect(json.data.limit_remaining).toBe(6);
  });

  test('§8 PATCH of the limit acts on the current window', async () => {
    const { create, manage, control } = await account();
    const { hash } = await create({ limit: 50 });
    control.keys.spend(hash, { credits: 25.5 });
    const { json } = await manage('PATCH', `/keys/${hash}`, { limit: 75 });
    expect(json.data).toMatchObject({ limit: 75, limit_remaining: 49.5 });
  });

  test('§8 two keys work side by side until one is disabled or deleted', async () => {
    const { create, manage, works } = await account();
    const [old, young] = [await create(), await create()];
    expect([await works(old.secret), await works(young.secret)]).toEqual([200, 200]);
    await manage('DELETE', `/keys/${old.hash}`);
    expect([await works(old.secret), await works(young.secret)]).toEqual([401, 200]);
  });

  test('§8 usage counters can lag', async () => {
    const { create, chat, manage, control } = await account();
    control.clock.freeze();
    control.set({ chat: { cost: 2, usageLagMs: 60_000 } });
    const { hash, secret } = await create({ limit: 1 });
    expect((await chat(secret)).status).toBe(200);
    const usage = async () => (await manage('GET', `/keys/${hash}`)).json.data.usage;
    expect(await usage()).toBe(0);
    control.clock.advance(60_000);
    expect(await usage()).toBe(2);
    expect((await chat(secret)).status).toBe(403);
  });
});
