import { request } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeRequest, mergeRequest, reopenRequest } from './stub/change-requests.ts';
import { startRotation } from './stub/rotations.ts';
import { type Infisical, startInfisical } from './stub/stub.ts';
import { type Folder, type Identity, makeSecret, project, type StubSecret } from './stub/world.ts';

// What the store is tested against has to be as awkward as Infisical is (facts/infisical-api.md).
let now: number;
let infisical: Infisical;
let identity: Identity;
let folder: Folder;
let bearer: string;
beforeEach(async () => {
  now = Date.parse('2026-11-27T12:00:10Z');
  infisical = await startInfisical(() => now);
  identity = infisical.identity();
  folder = infisical.world.folder('prod', '/');
  bearer = String((await login()).body.accessToken);
});
afterEach(() => infisical.close());

type Body = Record<string, unknown> & { secret?: Record<string, unknown>; secrets?: Record<string, unknown>[] };
type Got = { status: number; body: Body; etag: string | undefined };

async function call(
  method: string,
  path: string,
  fields: object = {},
  more: Record<string, string> = {},
): Promise<Got> {
  const isV3 = path.startsWith('/api/v3');
  const at = { [isV3 ? 'workspaceId' : 'projectId']: project, environment: 'prod', ...fields };
  const query = method === 'GET' ? `?${new URLSearchParams(at as unknown as Record<string, string>)}` : '';
  const answer = await request(`${infisical.url}${path}${query}`, {
    method: method as 'GET',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', ...more },
    ...(method === 'GET' ? {} : { body: JSON.stringify(at) }),
  });
  const text = await answer.body.text();
  const { etag } = answer.headers;
  return {
    status: answer.statusCode,
    body: text === '' ? {} : (JSON.parse(text) as Body),
    etag: etag as string | undefined,
  };
}

const login = (clientSecret = identity.clientSecret) =>
  call('POST', '/api/v1/auth/universal-auth/login', { clientId: identity.clientId, clientSecret });
const v4 = (method: string, name: string, fields: object = {}) => call(method, `/api/v4/secrets/${name}`, fields);
const v3 = (method: string, name: string, fields: object = {}) => call(method, `/api/v3/secrets/raw/${name}`, fields);
const kept = (name: string) => folder.secrets.get(name) as StubSecret;
const errorOf = ({ status, body }: Got) => [status, body.error];

describe('versions of the API differ in what they do unasked', () => {
  test('v4 expands references and looks into imports, v3 does neither', async () => {
    infisical.world.folder('prod', '/shared').secrets.clear();
    makeSecret(infisical.world.folder('prod', '/shared'), 'IMPORTED', 'theirs');
    folder.imports.push({ environment: 'prod', path: '/shared' });
    makeSecret(folder, 'KEY', `\${OTHER} and \${prod.shared.IMPORTED} and \${MISSING}`);
    makeSecret(folder, 'OTHER', 'its value');
    expect((await v4('GET', 'KEY')).body.secret?.secretValue).toBe(`its value and theirs and \${MISSING}`);
    expect((await v3('GET', 'KEY')).body.secret?.secretValue).toContain(`\${OTHER}`);
    expect((await v4('GET', 'IMPORTED')).body.secret).toMatchObject({ secretValue: 'theirs', secretPath: '/shared' });
    expect((await v3('GET', 'IMPORTED')).status).toBe(404);
    // What the SDK sends, v3 does not know (facts §1).
    expect((await v3('GET', 'IMPORTED', { includeImports: 'true' })).status).toBe(404);
    expect((await v3('GET', 'IMPORTED', { include_imports: 'true' })).status).toBe(200);
  });

  test('a server that is too old has no such route, and says so without a request id', async () => {
    infisical.world.settings.generations = new Set(['v3']);
    const { status, body } = await v4('GET', 'KEY');
    expect([status, body.error, body.reqId]).toEqual([404, 'Not Found', undefined]);
    expect((await v3('GET', 'KEY')).body.reqId).toMatch(/^req-.{14}$/);
  });
});

describe('writes', () => {
  test('set only what they name; a field that is given replaces the whole', async () => {
    infisical.world.tags.set('t1', { id: 't1', slug: 'prod', name: 'prod', color: '#fff' });
    const all = { secretComment: 'a comment', tagIds: ['t1'], secretMetadata: [{ key: 'owner', value: 'us' }] };
    await v4('POST', 'KEY', { secretValue: 'one', skipMultilineEncoding: true, ...all, metadata: { gone: true } });
    await v4('PATCH', 'KEY', { secretValue: 'two' });
    expect(kept('KEY')).toMatchObject({ value: 'two', version: 2, comment: 'a comment', skipMultilineEncoding: true });
    expect(kept('KEY').tags).toHaveLength(1);
    await v4('PATCH', 'KEY', { tagIds: [], secretMetadata: [] });
    expect(kept('KEY')).toMatchObject({ value: 'two', version: 3, comment: 'a comment', tags: [], metadata: [] });
    expect(errorOf(await v4('PATCH', 'KEY', { tagIds: ['foreign'] }))).toEqual([404, 'NotFound']);
    expect(kept('KEY').version).toBe(3);
  });

  test('answer what they were asked, not what is kept', async () => {
    await v4('POST', 'KEY', { secretValue: 'one' });
    const { body } = await v4('PATCH', 'KEY', { secretComment: 'new' });
    expect(body.secret).toMatchObject({ secretValue: '', version: 2 });
    expect(body.secret).not.toHaveProperty('secretMetadata');
    expect(kept('KEY').value).toBe('one');
  });

  test('cut white space around a value, all but one final newline', async () => {
    await v4('POST', 'KEY', { secretValue: '  one \n\n' });
    expect(kept('KEY').value).toBe('one\n');
  });

  test('rename, and a former version is found by the name that it had', async () => {
    await v4('POST', 'KEY', { secretValue: 'one' });
    await v4('PATCH', 'KEY', { newSecretName: 'NEW' });
    expect((await v4('GET', 'KEY')).status).toBe(404);
    expect((await v4('GET', 'NEW', { version: '2' })).body.secret?.secretValue).toBe('one');
    expect((await v4('GET', 'NEW', { version: '1' })).status).toBe(404);
    await v4('POST', 'TAKEN', { secretValue: 'other' });
    expect(errorOf(await v4('PATCH', 'NEW', { newSecretName: 'TAKEN' }))).toEqual([400, 'BadRequest']);
  });

  test('of personal secrets, of names with a slash, of what is not there, of what is there are refused', async () => {
    expect((await v4('POST', 'KEY', { secretValue: 'one', type: 'personal' })).status).toBe(400);
    expect((await v4('POST', 'a%2Fb', { secretValue: 'one' })).status).toBe(400);
    expect(errorOf(await v4('PATCH', 'KEY', { secretValue: 'one' }))).toEqual([404, 'UpdateSecret']);
    await v4('POST', 'KEY', { secretValue: 'one' });
    expect(errorOf(await v4('POST', 'KEY', { secretValue: 'one' }))).toEqual([400, 'BadRequest']);
    expect(errorOf(await v4('POST', 'KEY', { environment: 7 }))).toEqual([422, 'ValidationFailure']);
    expect(errorOf(await v4('POST', 'KEY', { projectId: 'another' }))).toEqual([404, 'CreateSecret']);
    expect((await v4('POST', 'KEY', { secretPath: '/nowhere', secretValue: 'one' })).body.message).toBe(
      "Folder with path '/nowhere' in environment with slug 'prod' not found",
    );
  });

  test('of more than a mebibyte are a fault of the server', async () => {
    expect((await v4('POST', 'KEY', { secretValue: 'x'.repeat(1024 * 1024) })).status).toBe(500);
  });

  test('are refused by rules of the project: a form, reuse, detection, encrypted metadata, references to nothing', async () => {
    const { settings } = infisical.world;
    await v4('POST', 'KEY', { secretValue: 'one' });
    settings.valuesMatch = /^sk-/;
    expect(errorOf(await v4('PATCH', 'KEY', { secretValue: 'two' }))).toEqual([400, 'BadRequest']);
    settings.valuesMatch = null;
    settings.detects = /sk-or-v1/;
    expect(errorOf(await v4('PATCH', 'KEY', { secretValue: 'sk-or-v1-x' }))).toEqual([400, 'SecretPolicyViolation']);
    settings.reuseRule = 2;
    await v4('PATCH', 'KEY', { secretValue: 'two' });
    expect((await v4('PATCH', 'KEY', { secretValue: 'one' })).status).toBe(400);
    await v4('PATCH', 'KEY', { secretValue: 'three' });
    expect((await v4('PATCH', 'KEY', { secretValue: 'one' })).status).toBe(200);
    settings.encryptsMetadata = true;
    expect((await v4('PATCH', 'KEY', { secretMetadata: [{ key: 'a', value: 'b' }] })).status).toBe(400);
    settings.refusesBrokenReferences = true;
    expect((await v4('PATCH', 'KEY', { secretValue: `\${NOTHING}` })).status).toBe(400);
  });
});

describe('batches', () => {
  const batch = (method: string, secrets: object[], more: object = {}) =>
    call(method, '/api/v4/secrets/batch', { secrets, ...more });

  test('do all or nothing, and answer from the store', async () => {
    await v4('POST', 'ONE', { secretValue: '1', secretComment: 'kept' });
    const failed = await batch('PATCH', [
      { secretKey: 'ONE', secretValue: '2' },
      { secretKey: 'TWO', secretValue: '2' },
    ]);
    expect(failed.status).toBe(404);
    expect(kept('ONE').value).toBe('1');
    const entries = [
      { secretKey: 'ONE', secretComment: 'new' },
      { secretKey: 'TWO', secretValue: '2' },
    ];
    expect((await batch('PATCH', entries, { mode: 'ignore' })).body.secrets).toHaveLength(1);
    const { body } = await batch('PATCH', entries, { mode: 'upsert' });
    expect(body.secrets).toMatchObject([
      { secretValue: '1', secretComment: 'new' },
      { secretValue: '2', version: 1 },
    ]);
    expect((await call('DELETE', '/api/v3/secrets/batch/raw', { secrets: [{ secretKey: 'TWO' }] })).status).toBe(200);
    expect(kept('TWO')).toBeUndefined();
  });

  test('drop the value of a rotated secret in silence, where a single write is refused', async () => {
    startRotation(infisical.world, folder, 'KEY', ['a', 'b']);
    expect((await v4('PATCH', 'KEY', { secretValue: 'ours' })).status).toBe(400);
    expect((await v4('DELETE', 'KEY')).status).toBe(400);
    expect((await batch('PATCH', [{ secretKey: 'KEY', secretValue: 'ours' }])).status).toBe(200);
    expect(kept('KEY').value).toBe('b');
  });
});

describe('approval policies', () => {
  const held = async (name: string, fields: object) =>
    (await v4('PATCH', name, fields)).body.approval as { id: string; status: string };
  beforeEach(async () => {
    await v4('POST', 'KEY', { secretValue: 'one', secretMetadata: [{ key: 'owner', value: 'us' }] });
    infisical.world.settings.approvals = true;
  });

  test('answer 200 and do nothing; a person merges, machines do not', async () => {
    const { id, status } = await held('KEY', { secretValue: 'two' });
    expect([status, kept('KEY').value]).toEqual(['open', 'one']);
    const merge = await call('POST', `/api/v1/secret-approval-requests/${id}/merge`);
    expect(merge.status).toBe(404);
    mergeRequest(infisical.world, id);
    expect(kept('KEY')).toMatchObject({ value: 'two', metadata: [] });
    expect((await call('GET', `/api/v1/secret-approval-requests/${id}`)).body.approval).toMatchObject({
      status: 'close',
      hasMerged: true,
    });
  });

  test('an old request that is merged later goes over newer values', async () => {
    const { id } = await held('KEY', { secretValue: 'two', secretMetadata: [{ key: 'owner', value: 'they' }] });
    infisical.world.settings.approvals = false;
    await v4('PATCH', 'KEY', { secretValue: 'three' });
    mergeRequest(infisical.world, id);
    expect(kept('KEY')).toMatchObject({ value: 'two', version: 3, metadata: [{ value: 'they' }] });
  });

  test('one that was closed can be opened again, and merged', async () => {
    const { id } = await held('KEY', { secretValue: 'two' });
    closeRequest(infisical.world, id);
    reopenRequest(infisical.world, id);
    mergeRequest(infisical.world, id);
    expect(kept('KEY').value).toBe('two');
  });

  test('look at existence and rights when a request opens', async () => {
    expect((await v4('POST', 'KEY', { secretValue: 'two' })).status).toBe(400);
    identity.may.delete('edit');
    expect((await v4('PATCH', 'KEY', { secretValue: 'two' })).status).toBe(403);
    expect(infisical.world.requests.size).toBe(0);
  });

  test('hold by place, the most exact first, and let machines pass where they say so', async () => {
    const { settings } = infisical.world;
    settings.approvals = false;
    settings.policies = [
      { environment: 'prod', path: '/**', bypassForMachineIdentities: false },
      { environment: 'prod', path: '/payments/*', bypassForMachineIdentities: true },
      { environment: 'prod', path: '/payments/eu', bypassForMachineIdentities: false },
    ];
    const isHeld = async (environment: string, secretPath: string) => {
      infisical.world.folder(environment, secretPath);
      return 'approval' in (await v4('POST', 'NEW', { environment, secretPath, secretValue: 'x' })).body;
    };
    expect(await isHeld('prod', '/')).toBe(true);
    expect(await isHeld('prod', '/payments/us')).toBe(false);
    expect(await isHeld('prod', '/payments/eu')).toBe(true);
    expect(await isHeld('dev', '/')).toBe(false);
  });

  test('tell machines nothing of a request, where only users may ask', async () => {
    const { id } = await held('KEY', { secretValue: 'two' });
    infisical.world.settings.identitiesSeeRequests = false;
    expect(errorOf(await call('GET', `/api/v1/secret-approval-requests/${id}`))).toEqual([
      403,
      `Forbidden access to /api/v1/secret-approval-requests/${id}`,
    ]);
  });
});

describe('rights', () => {
  beforeEach(() => {
    makeSecret(folder, 'KEY', 'one');
    makeSecret(folder, 'HIDDEN', 'two');
  });

  test('what may not be described is absent from lists: not listed is not gone', async () => {
    identity.only = (action, _at, name) => !(action === 'describeSecret' && name === 'HIDDEN');
    expect((await call('GET', '/api/v4/secrets')).body.secrets?.map(({ secretKey }) => secretKey)).toEqual(['KEY']);
    expect((await v4('GET', 'HIDDEN')).status).toBe(403);
  });

  test('without readValue, values are refused or masked, and writes answer with the mask', async () => {
    identity.may.delete('readValue');
    expect(errorOf(await v4('GET', 'KEY'))).toEqual([403, 'ForbiddenReadSecretError']);
    expect((await call('GET', '/api/v4/secrets')).status).toBe(403);
    infisical.world.settings.hiddenValues = 'masked';
    const masked = { secretValue: '<hidden-by-infisical>', secretValueHidden: true };
    expect((await v4('GET', 'KEY')).body.secret).toMatchObject(masked);
    expect((await call('GET', '/api/v4/secrets')).body.secrets?.[0]).toMatchObject(masked);
    expect((await v4('PATCH', 'KEY', { secretValue: 'three' })).body.secret).toMatchObject(masked);
    // Whoever writes the mask back has destroyed the value.
    await v4('PATCH', 'KEY', { secretValue: '<hidden-by-infisical>' });
    expect(kept('KEY').value).toBe('<hidden-by-infisical>');
  });

  test('are by place', async () => {
    infisical.world.folder('dev', '/');
    identity.only = (_action, { environment }) => environment === 'dev';
    expect((await v4('PATCH', 'KEY', { secretValue: 'three' })).body.message).toBe(
      'You are not allowed to edit on secrets',
    );
    expect((await v4('POST', 'NEW', { environment: 'dev', secretValue: 'one' })).status).toBe(200);
  });
});

describe('tokens', () => {
  test('expired ones are 403 TokenError; a future one may be 401', async () => {
    now += identity.tokenLifeSeconds * 1000;
    expect(errorOf(await v4('GET', 'KEY'))).toEqual([403, 'TokenError']);
    infisical.world.settings.expiredTokenIs = 401;
    expect((await v4('GET', 'KEY')).status).toBe(401);
  });

  test('are not renewed where their longest life is their life, as it is by default', async () => {
    const renewed = () => call('POST', '/api/v1/auth/token/renew', { accessToken: bearer });
    now += 1000;
    expect((await renewed()).status).toBe(401);
    identity.tokenMaxSeconds *= 2;
    const { accessToken } = (await renewed()).body;
    expect(accessToken).not.toBe(bearer);
    await call('POST', '/api/v1/auth/token/revoke', { accessToken: bearer });
    expect((await v4('GET', 'KEY')).status).toBe(401);
    bearer = String(accessToken);
    expect((await v4('GET', 'KEY')).status).toBe(404);
  });

  test('have uses, and so have client secrets, of which each login is one', async () => {
    identity.tokenUses = 2;
    bearer = String((await login()).body.accessToken);
    expect([(await v4('GET', 'KEY')).status, (await v4('GET', 'KEY')).status]).toEqual([404, 404]);
    expect((await v4('GET', 'KEY')).status).toBe(401);
    identity.logins = identity.loggedIn;
    expect((await login()).status).toBe(401);
  });

  test('three wrong secrets in half a minute lock the right one out, for five minutes', async () => {
    for (let n = 0; n < 3; n++) expect((await login('wrong')).status).toBe(401);
    expect((await login()).body.message).toContain('temporarily locked');
    now += 300_000;
    expect((await login(` ${identity.clientSecret}\n`)).status).toBe(200);
    identity.comesFromAllowedAddress = false;
    expect(errorOf(await v4('GET', 'KEY'))).toEqual([403, 'ForbiddenError']);
  });
});

describe('a rotation of Infisical', () => {
  test('that is deleted leaves its secret, and both keys, unless it is told to revoke them', async () => {
    const revoked: string[][] = [];
    infisical.world.onRevoked = (keys) => revoked.push([...keys]);
    const first = startRotation(infisical.world, folder, 'KEY', ['a', 'b']);
    const { id } = kept('KEY');
    await call('DELETE', `/api/v2/secret-rotations/open-router-api-key/${first}`);
    expect((await v4('GET', 'KEY')).body.secret).toMatchObject({ id, secretValue: 'b', isRotatedSecret: false });
    const second = startRotation(infisical.world, folder, 'OTHER', ['c', 'd']);
    const flags = '?deleteSecrets=true&revokeGeneratedCredentials=true';
    await call('DELETE', `/api/v2/secret-rotations/open-router-api-key/${second}${flags}`);
    expect([revoked, kept('OTHER')]).toEqual([[['c', 'd']], undefined]);
  });
});

describe('reads', () => {
  test('lag by time, or by a number of them', async () => {
    await v4('POST', 'KEY', { secretValue: 'one' });
    now += 1000;
    await v4('PATCH', 'KEY', { secretValue: 'two' });
    const value = async () => (await v4('GET', 'KEY')).body.secret?.secretValue;
    infisical.world.settings.lagReads = 2;
    expect([await value(), await value(), await value()]).toEqual(['one', 'one', 'two']);
    infisical.world.settings.lagMs = 500;
    expect(await value()).toBe('one');
    now += 500;
    expect(await value()).toBe('two');
  });

  test('have an etag of the body: a condition for reading, not for writing', async () => {
    await v4('POST', 'KEY', { secretValue: 'one' });
    const { etag = '' } = await v4('GET', 'KEY');
    const again = await call('GET', '/api/v4/secrets/KEY', {}, { 'if-none-match': etag });
    expect(again.status).toBe(304);
    await v4('PATCH', 'KEY', { secretValue: 'two' });
    const write = await call('PATCH', '/api/v4/secrets/KEY', { secretValue: 'three' }, { 'if-match': etag });
    expect(write.status).toBe(200);
  });

  test('by id say where the secret is', async () => {
    const { id } = makeSecret(folder, 'KEY', 'one');
    expect((await call('GET', `/api/v4/secrets/id/${id}`)).body.secret).toMatchObject({
      secretKey: 'KEY',
      secretPath: '/',
    });
  });
});

test('limits are by the minute and by kind, before anybody asks who it is', async () => {
  infisical.world.settings.secretsPerMinute = 1;
  expect((await v4('GET', 'KEY')).status).toBe(404);
  bearer = 'nobody';
  const { status, body } = await v4('GET', 'KEY');
  expect([status, body.message]).toEqual([429, 'Rate limit exceeded. Please try again in 50 seconds']);
  expect((await login()).status).toBe(200);
  infisical.world.settings.otherWritesPerMinute = 1;
  await login();
  expect((await login()).status).toBe(429);
  now += 60_000;
  expect((await v4('GET', 'KEY')).status).toBe(401);
});
