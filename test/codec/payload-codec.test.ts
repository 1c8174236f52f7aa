import { defaultPayloadConverter } from '@temporalio/common';
import { expect, test } from 'vitest';
import { encryptionKeyOf, payloadCodec } from '../../codec/payload-codec.ts';
import { freshKeyring, type Keyring } from '../../keyring/keyring.ts';

const secretValue = 'the quick brown fox';
const payload = defaultPayloadConverter.toPayload({ secretValue });

/** Opens with the keys of all, encrypts with the first. */
function joined(active: Keyring, ...others: Keyring[]): Keyring {
  const key = (id: string) => [active, ...others].map((ring) => ring.key(id)).find((found) => found !== undefined);
  return { ...active, key };
}

test('a payload comes back as it was, and shows nothing on the way', async () => {
  const codec = payloadCodec(freshKeyring(), 'default');
  const [encrypted, again] = await codec.encode([payload, payload]);
  if (encrypted === undefined || again === undefined) throw new Error('nothing was encoded');
  const shown = JSON.stringify(encrypted) + Buffer.from(encrypted.data ?? []).toString('latin1');
  expect(shown).not.toContain('quick');
  expect(shown).not.toContain('json/plain');
  expect(Buffer.from(encrypted.data ?? []).equals(Buffer.from(again.data ?? []))).toBe(false);
  const [decrypted] = await codec.decode([encrypted]);
  expect(decrypted && defaultPayloadConverter.fromPayload(decrypted)).toEqual({ secretValue });
});

test('what was written before encryption was on is passed through', async () => {
  expect(await payloadCodec(freshKeyring(), 'default').decode([payload])).toEqual([payload]);
});

test('a keyring that has moved on opens what the former key encrypted', async () => {
  const former = freshKeyring();
  const encrypted = await payloadCodec(former, 'default').encode([payload]);
  const now = joined(freshKeyring(), former);
  expect(await payloadCodec(now, 'default').decode(encrypted)).toMatchObject([{ data: payload.data }]);
  const [fresh] = await payloadCodec(now, 'default').encode([payload]);
  expect(fresh && encryptionKeyOf(fresh)).toBe(now.activeId);
});

test('an unknown key is named, and not retried', async () => {
  const lost = freshKeyring();
  const encrypted = await payloadCodec(lost, 'default').encode([payload]);
  await expect(payloadCodec(freshKeyring(), 'default').decode(encrypted)).rejects.toMatchObject({
    type: 'KEYTURN_PAYLOAD_UNREADABLE',
    nonRetryable: true,
    message: expect.stringContaining(lost.activeId),
  });
});

test.each([
  ['another namespace', (data: Uint8Array) => data, 'other'],
  ['a changed byte', (data: Uint8Array) => data.map((byte, at) => (at === 20 ? byte ^ 1 : byte)), 'default'],
  ['a cut end', (data: Uint8Array) => data.slice(0, -1), 'default'],
  ['hardly anything', (data: Uint8Array) => data.slice(0, 5), 'default'],
])('%s is refused', async (_, change, namespace) => {
  const keyring = freshKeyring();
  const [encrypted] = await payloadCodec(keyring, 'default').encode([payload]);
  const changed = { ...encrypted, data: change(encrypted?.data ?? new Uint8Array()) };
  await expect(payloadCodec(keyring, namespace).decode([changed])).rejects.toMatchObject({
    type: 'KEYTURN_PAYLOAD_UNREADABLE',
  });
});
