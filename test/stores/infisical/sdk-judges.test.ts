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
