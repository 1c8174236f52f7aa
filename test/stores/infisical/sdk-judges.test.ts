import { InfisicalSDK } from '@infisical/sdk';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startRotation } from './stub/rotations.ts';
import { type Infisical, startInfisical } from './stub/stub.ts';
import { makeSecret, project } from './stub/world.ts';

// What Infisical's own SDK takes for Infisical is a stub that a store can be tested against.
let infisical: Infisical;
let sdk: InfisicalSDK;
beforeEach(async () => {
  infisical = await startInfisical();
  infisical.world.folder('prod', '/');
  const { clientId, clientSecret } = infisical.identity();
  sdk = new InfisicalSDK({ siteUrl: infisical.url });
  await sdk.auth().universalAuth.login({ clientId, clientSecret });
});
afterEach(() => infisical.close());

const at = { environment: 'prod', projectId: project, secretPath: '/' };

test('it logs in, makes, reads, lists, changes and deletes secrets', async () => {
  const made = await sdk.secrets().createSecret('KEY', { ...at, secretValue: 'one', secretComment: 'a comment' });
  expect(made).toMatchObject({ secret: { secretKey: 'KEY', secretValue: 'one', version: 1 } });
  const changed = await sdk.secrets().updateSecret('KEY', { ...at, secretValue: 'two' });
  expect(changed).toMatchObject({ secret: { secretValue: 'two', version: 2 } });
  const read = await sdk.secrets().getSecret({ ...at, secretName: 'KEY' });
  expect(read).toMatchObject({ secretValue: 'two', version: 2, secretComment: 'a comment', secretValueHidden: false });
  const former = await sdk.secrets().getSecret({ ...at, secretName: 'KEY', version: 1 });
  expect(former.secretValue).toBe('one');
  const { secrets } = await sdk.secrets().listSecrets(at);
  expect(secrets.map(({ secretKey }) => secretKey)).toEqual(['KEY']);
  await sdk.secrets().deleteSecret('KEY', at);
  await expect(sdk.secrets().getSecret({ ...at, secretName: 'KEY' })).rejects.toThrow(/not found/);
});

test('it reads what references lead to, as applications do', async () => {
  await sdk.secrets().createSecret('OTHER', { ...at, secretValue: 'its value' });
  await sdk.secrets().createSecret('KEY', { ...at, secretValue: `\${OTHER}` });
  expect((await sdk.secrets().getSecret({ ...at, secretName: 'KEY' })).secretValue).toBe('its value');
});

test('it is refused in words that it understands', async () => {
  const [identity] = infisical.world.identities.values();
  await sdk.secrets().createSecret('KEY', { ...at, secretValue: 'one' });
  await expect(sdk.secrets().createSecret('KEY', { ...at, secretValue: 'two' })).rejects.toThrow(/already exists/);
  identity?.may.delete('edit');
  await expect(sdk.secrets().updateSecret('KEY', { ...at, secretValue: 'two' })).rejects.toThrow(/not allowed to edit/);
  for (const token of infisical.world.tokens.values()) token.expiresAt = 0;
  await expect(sdk.secrets().listSecrets(at)).rejects.toThrow(/expired/);
});

test('it takes a write that is held for one that was done: the trap that Keyturn looks for', async () => {
  makeSecret(infisical.world.folder('prod', '/'), 'KEY', 'one');
  infisical.world.settings.approvals = true;
  await sdk.secrets().updateSecret('KEY', { ...at, secretValue: 'two' });
  infisical.world.settings.approvals = false;
  expect((await sdk.secrets().getSecret({ ...at, secretName: 'KEY' })).secretValue).toBe('one');
});

test('it sees that a rotation owns a secret, and cannot write it', async () => {
  startRotation(infisical.world, infisical.world.folder('prod', '/'), 'KEY', ['sk-or-v1-a', 'sk-or-v1-b']);
  const read = await sdk.secrets().getSecret({ ...at, secretName: 'KEY' });
  expect(read).toMatchObject({ secretValue: 'sk-or-v1-b', isRotatedSecret: true });
  await expect(sdk.secrets().updateSecret('KEY', { ...at, secretValue: 'two' })).rejects.toThrow(/rotated secret/);
});

test('it makes folders, with their parents, twice too, and lists what is in them', async () => {
  const where = { environment: 'prod', projectId: project };
  await sdk.folders().create({ ...where, path: '/payments', name: 'eu' });
  await sdk.folders().create({ ...where, path: '/payments', name: 'eu' });
  expect((await sdk.folders().listFolders({ ...where, path: '/' })).map(({ name }) => name)).toEqual(['payments']);
  await sdk.secrets().createSecret('KEY', { ...at, secretPath: '/payments/eu', secretValue: 'one' });
  const below = await sdk.secrets().listSecrets({ ...at, recursive: true });
  expect(below.secrets).toMatchObject([{ secretKey: 'KEY', secretPath: '/payments/eu' }]);
  await expect(sdk.secrets().listSecrets({ ...at, secretPath: '/payments/us' })).rejects.toThrow(/Folder with path/);
});

test('it sees what another folder lends, and which folder that is', async () => {
  makeSecret(infisical.world.folder('prod', '/shared'), 'LENT', 'theirs');
  infisical.world.folder('prod', '/').imports.push({ environment: 'prod', path: '/shared' });
  await sdk.secrets().createSecret('KEY', { ...at, secretValue: 'ours' });
  const all = await sdk.secrets().listSecretsWithImports(at);
  expect(all).toMatchObject([
    { secretKey: 'KEY' },
    { secretKey: 'LENT', secretValue: 'theirs', secretPath: '/shared' },
  ]);
  await expect(sdk.secrets().getSecret({ ...at, secretName: 'LENT', includeImports: true })).rejects.toThrow(
    /not found/,
  );
});

test('it renames, sets tags, and does not ask for values that it does not want', async () => {
  infisical.world.tags.set('t1', { id: 't1', slug: 'prod', name: 'prod', color: '#fff' });
  await sdk.secrets().createSecret('KEY', { ...at, secretValue: 'one', tagIds: ['t1'] });
  await sdk.secrets().updateSecret('KEY', { ...at, newSecretName: 'NEW' });
  const read = await sdk.secrets().getSecret({ ...at, secretName: 'NEW', viewSecretValue: false });
  expect(read).toMatchObject({ version: 2, secretValue: '<hidden-by-infisical>', secretValueHidden: true });
  expect(read.tags).toMatchObject([{ slug: 'prod' }]);
});

test('it renews its token where the identity may', async () => {
  await expect(sdk.auth().universalAuth.renew()).rejects.toThrow(/Max TTL/);
  const [identity] = infisical.world.identities.values();
  if (identity) identity.tokenPeriodSeconds = 60;
  const renewed = await sdk.auth().universalAuth.renew();
  await renewed.secrets().createSecret('KEY', { ...at, secretValue: 'one' });
  expect(infisical.world.tokens.size).toBe(2);
});

test('it sends a write again whose answer was lost, and takes its own success for a failure: why Keyturn does not use it', async () => {
  infisical.next({ do: 'lose answer' });
  await expect(sdk.secrets().createSecret('KEY', { ...at, secretValue: 'one' })).rejects.toThrow(/already exists/);
  expect(infisical.changes()).toHaveLength(2);
});
