import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { freshKeyring } from '../../keyring/keyring.ts';
import { seal, sealingContext, unseal } from '../../secrets/seal.ts';
import { Secret } from '../../secrets/secret.ts';

const keyring = freshKeyring();
const plaintext = `sk-or-v1-${'5f3c'.repeat(16)}`;
const context = sealingContext({ policy: 'checkout', rotationId: 'r-1' });

test.each(['x', plaintext, 'schlüssel 🔑 \n', '', 'a'.repeat(100_000)])('opens to the same text (%#)', (text) => {
  expect(unseal(keyring, seal(keyring, new Secret(text), context), context).reveal()).toBe(text);
});

test('a sealed value shows which key opens it and nothing of the secret', () => {
  const sealed = seal(keyring, new Secret(plaintext), context);
  expect(sealed).toMatch(new RegExp(`^kt1\\.${keyring.activeId}\\.[A-Za-z0-9_-]+$`));
  const bytes = Buffer.from(String(sealed.split('.')[2]), 'base64url');
  for (const shown of [sealed, bytes.toString('latin1')]) expect(shown).not.toContain('sk-or-v1');
});

test('the same secret sealed twice differs: no nonce is used again', () => {
  const sealed = Array.from({ length: 500 }, () => seal(keyring, new Secret(plaintext), context));
  expect(new Set(sealed.map((value) => String(value.split('.')[2]).slice(0, 16))).size).toBe(500);
});

test('a key does not open for another rotation or policy', () => {
  const sealed = seal(keyring, new Secret(plaintext), context);
  for (const other of [
    { policy: 'checkout', rotationId: 'r-2' },
    { policy: 'search', rotationId: 'r-1' },
  ]) {
    const aad = sealingContext(other);
    expect(() => unseal(keyring, sealed, aad)).toThrow(`sealed for something else than ${aad}`);
  }
});

test('contexts that read alike when joined are not alike', () => {
  const one = sealingContext({ policy: 'a', rotationId: 'b/c' });
  expect(sealingContext({ policy: 'a/b', rotationId: 'c' })).not.toBe(one);
  expect(sealingContext({ policy: 'a","b', rotationId: 'c' })).not.toBe(
    sealingContext({ policy: 'a', rotationId: 'b","c' }),
  );
});

test('any changed character is noticed', () => {
  const sealed = seal(keyring, new Secret('short'), context);
  for (let at = 0; at < sealed.length; at++) {
    for (const other of ['A', '!', '.', ' ', 'é']) {
      const changed = sealed.slice(0, at) + other + sealed.slice(at + 1);
      if (changed === sealed) continue;
      expect(() => unseal(keyring, changed, context), changed).toThrow(
        expect.objectContaining({ code: 'KEYTURN_SEAL_BROKEN' }),
      );
    }
  }
});

test('any cut is noticed', () => {
  const sealed = seal(keyring, new Secret('short'), context);
  for (let length = 0; length < sealed.length; length++) {
    expect(() => unseal(keyring, sealed.slice(0, length), context)).toThrow(
      expect.objectContaining({ code: 'KEYTURN_SEAL_BROKEN' }),
    );
  }
});

test('the sentence tells what is broken', () => {
  const sealed = seal(keyring, new Secret(plaintext), context);
  const [, id, body] = sealed.split('.');
  const says = (value: string) => {
    try {
      return unseal(keyring, value, context).reveal();
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(says('not sealed')).toContain('does not have the form kt1.<key id>.<bytes>');
  expect(says(`kt2.${id}.${body}`)).toContain('does not have the form');
  expect(says(`kt1.other.${body}`)).toContain('sealed with key other, which this keyring does not have');
  expect(says(`kt1.${id}.${body}=`)).toContain('not base64url');
  expect(says(`kt1.${id}.AAAA`)).toContain('cut short');
  expect(says(`kt1.${id}.AAAA${body?.slice(4)}`)).toContain('its bytes were changed');
});

test('an error of opening holds neither the secret nor the sealed bytes', () => {
  const sealed = seal(keyring, new Secret(plaintext), context);
  try {
    unseal(keyring, sealed, 'elsewhere');
    expect.unreachable();
  } catch (error) {
    const printed = inspect(error, { depth: 9, showHidden: true });
    expect(printed).not.toContain('sk-or-v1');
    expect(printed).not.toContain(String(sealed.split('.')[2]).slice(0, 20));
  }
});
