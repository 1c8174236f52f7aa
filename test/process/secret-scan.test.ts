import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { findLeaks, jsonPlaces, keyPrefix } from './secret-scan.ts';

const secret = `${keyPrefix}${randomBytes(32).toString('hex')}`;
const body = secret.slice(keyPrefix.length);
const hidden = (text: string) => `{"note":"x","value":"${text}","more":"y"}`;
const formsFound = (bytes: string | Buffer) =>
  new Set(
    findLeaks([{ name: 'here', bytes: Buffer.from(bytes) }], [secret]).map(({ what, form }) => `${what}, ${form}`),
  );

test.for([
  ['plain', hidden(secret)],
  ['hex', hidden(Buffer.from(secret).toString('hex'))],
  ['hex', hidden(Buffer.from(secret).toString('hex').toUpperCase())],
  ['UTF-16', Buffer.from(hidden(secret), 'utf16le')],
  ['JSON escapes', hidden([...secret].map((char) => `\\u00${char.charCodeAt(0).toString(16)}`).join(''))],
  ...[0, 1, 2].map((shift): [string, string] => [
    'base64',
    Buffer.from(`${'x'.repeat(shift)}${hidden(secret)}`).toString('base64'),
  ]),
  ...[0, 1, 2].map((shift): [string, string] => [
    'base64',
    Buffer.from(`${'x'.repeat(shift)}${hidden(secret)}`).toString('base64url'),
  ]),
] as [string, string | Buffer][])('a secret is found as %s, and so is its prefix', ([form, bytes]) => {
  const found = formsFound(bytes);
  expect(found).toContain(`the prefix of a key, ${form}`);
  expect(found).toContain(`secret 0, ${form}`);
});

test('a secret that breaks off at the end of a place is no mistake of the search', () => {
  expect(formsFound(`the log ends with ${secret.slice(0, 12)}`)).toEqual(new Set(['the prefix of a key, plain']));
});

test('a quarter of a secret is found, and the bytes that its digits mean', () => {
  expect(formsFound(hidden(body.slice(0, 20)))).toEqual(new Set(['secret 0, plain']));
  expect(formsFound(Buffer.from(body, 'hex'))).toEqual(new Set(['secret 0, the bytes of its digits']));
});

test('a secret in a payload of a payload is found', () => {
  const payload = { data: Buffer.from(JSON.stringify({ secret })).toString('base64') };
  const places = jsonPlaces('history', { events: [{ input: { payloads: [payload] } }] });
  expect(findLeaks(places, [secret]).map(({ place, form }) => `${place} ${form}`)).toContain('history, payloads plain');
});

test('other keys, other bytes and a masked label are no finds', () => {
  const others = [
    randomBytes(200_000),
    Buffer.from(hidden('sk-or-*** and [redacted]')),
    Buffer.from(randomBytes(5_000).toString('base64')),
  ];
  const places = others.map((bytes, n) => ({ name: String(n), bytes }));
  expect(findLeaks(places, [secret])).toEqual([]);
});

test('a find does not show the secret', () => {
  expect(JSON.stringify(findLeaks([{ name: 'here', bytes: Buffer.from(secret) }], [secret]))).not.toContain(
    body.slice(0, 16),
  );
});
