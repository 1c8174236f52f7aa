import { expect, test } from 'vitest';
import { merged } from '../../keyring/keyring-changes.ts';
import { keyringOfOne, newPlainKey } from '../../keyring/keyring-file.ts';
import { recoveredFrom, recoveryTextOf } from '../../keyring/keyring-recovery.ts';
import { Secret } from '../../secrets/secret.ts';

const content = keyringOfOne('k1', newPlainKey(), new Date());
const passphrase = new Secret('correct horse battery ä');
const text = await recoveryTextOf(content, passphrase);
const recovered = (from: string, by = passphrase) => recoveredFrom('copy.json', from, by);

test('the passphrase brings the keyring back, however its letters are encoded', async () => {
  expect(await recovered(text)).toEqual(content);
  expect(await recovered(text, new Secret('correct horse battery a\u0308'))).toEqual(content);
});

test('another passphrase or a changed byte opens nothing', async () => {
  const wrong = expect.objectContaining({ code: 'KEYTURN_RECOVERY_UNREADABLE' });
  await expect(recovered(text, new Secret('correct horse battery a'))).rejects.toEqual(wrong);
  const file = JSON.parse(text) as { sealed: string };
  const sealed = Buffer.from(file.sealed, 'base64');
  sealed[5] = Number(sealed[5]) ^ 1;
  await expect(recovered(JSON.stringify({ ...file, sealed: sealed.toString('base64') }))).rejects.toEqual(wrong);
});

test.each(['', '{}', '[]', text.slice(0, -20), text.replace('131072', '2')])(
  'what is no copy is refused',
  async (other) => {
    await expect(recovered(other)).rejects.toMatchObject({
      code: 'KEYTURN_RECOVERY_UNREADABLE',
      message: expect.stringContaining('was not made by keyturn keyring export-recovery'),
    });
  },
);

test('the copy shows no key', () => {
  expect(text).not.toContain(String(content.keys.k1).slice(0, 12));
  expect(Buffer.from(JSON.parse(text).sealed, 'base64').toString()).not.toContain('k1');
});

test('a keyring that was begun anew keeps its own keys and its active one', () => {
  const begun = keyringOfOne('k2', newPlainKey(), new Date());
  expect(merged(begun, content)).toMatchObject({ activeId: 'k2', keys: { ...content.keys, ...begun.keys } });
  expect(() => merged({ ...begun, keys: { k1: newPlainKey() } }, content)).toThrow(/another key k1/);
});
