import { describe, expect, test } from 'vitest';
import { storeEntry } from '../../../stores/declared-store.ts';
import { failureOf, openUnder } from './store-under-test.ts';

const auth = { clientId: { env: 'ID' }, clientSecret: { file: './secret' } };
const entry = { kind: 'infisical', project: 'p1', environment: 'prod', auth };
const read = (more: object = {}) => storeEntry.safeParse({ ...entry, ...more });
const problem = (more: object) =>
  read(more)
    .error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`)
    .join('\n');

describe('a declaration', () => {
  test('needs a project, an environment and a way to log in', () => {
    expect(read().data?.content).toMatchObject({
      url: 'https://app.infisical.com',
      path: '/',
      auth: { kind: 'universal' },
    });
    for (const field of ['project', 'environment', 'auth'])
      expect(problem({ [field]: undefined })).toContain('is missing');
  });

  test('takes the EU, an address of its own, and http only to this machine', () => {
    for (const url of ['https://eu.infisical.com', 'https://vault.example.com:8443/', 'http://127.0.0.1:8080']) {
      expect(problem({ url })).toBeUndefined();
    }
    for (const url of ['http://infisical:8080', 'https://a:b@example.com', 'https://example.com/api', 'example.com']) {
      expect(problem({ url })).toContain('url is not the address of an Infisical');
    }
    expect(problem({ url: 'http://infisical:8080', allowInsecure: true })).toBeUndefined();
  });

  test('takes one way to log in, by references only, and shows no pasted secret', () => {
    expect(problem({ auth: { token: { env: 'TOKEN' } } })).toBeUndefined();
    for (const wrong of [
      { ...auth, token: { env: 'T' } },
      { clientId: { env: 'ID' } },
      {},
      { token: 'st.pasted-secret' },
    ]) {
      const said = problem({ auth: wrong });
      expect(said).toContain('auth');
      expect(said).not.toContain('pasted');
    }
  });

  test('takes a folder with and without a slash at its end for the same', () => {
    expect(read({ path: '/payments/' }).data?.content).toMatchObject({ path: '/payments' });
    for (const path of ['payments', '/a//b', '/a b', '']) expect(problem({ path })).toContain('path');
  });
});

test('two names of one server are one address, another folder is another', async () => {
  const under = await openUnder();
  const spot = under.spot('KEY');
  const addressOf = async (more: object) => (await under.another(more)).addressOf(spot);
  expect(await addressOf({ url: 'https://us.infisical.com' })).toBe(
    await addressOf({ url: 'https://app.infisical.com' }),
  );
  expect(await addressOf({ url: 'https://eu.infisical.com' })).not.toBe(
    await addressOf({ url: 'https://app.infisical.com' }),
  );
  expect(await addressOf({ path: '/a' })).not.toBe(await addressOf({ path: '/b' }));
  expect(await addressOf({ path: '/a/' })).toBe(await addressOf({ path: '/a' }));
  await under.close();
});

test('a file of certificates that is not there is named', async () => {
  const under = await openUnder();
  const failure = await failureOf(under.another({ caFile: './no-such.pem' }));
  expect(failure).toMatchObject({ code: 'KEYTURN_FILE_UNREADABLE' });
  expect(failure.message).toContain('/no-such.pem');
  await under.close();
});
