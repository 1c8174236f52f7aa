import type { webcrypto } from 'node:crypto';
import { ApplicationFailure, type Payload, type PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { fault } from '../errors/keyturn-error.ts';
import type { Keyring } from '../keyring/keyring.ts';

/** The encoding and the metadata that Temporal's encryption samples of every language use. */
const encoding = 'binary/encrypted';
const keyIdField = 'encryption-key-id';

const { Payload: ProtoPayload } = proto.temporal.api.common.v1;

const nonceBytes = 12;
const tagBytes = 16;

/**
 * Encrypts every payload as a whole, data and metadata, before it leaves the process: AES-256-GCM by WebCrypto with a
 * fresh nonce, bound to key id and namespace. What it did not encrypt it passes through.
 *
 * Decoding throws a non-retryable failure that names the key id where the keyring does not have it or the payload was
 * changed or belongs to another namespace.
 */
export function payloadCodec(keyring: Keyring, namespace: string): PayloadCodec {
  const keys = new Map<string, webcrypto.CryptoKey>();
  /** Not extractable: what holds one can use it, not read it. */
  const keyOf = async (id: string): Promise<webcrypto.CryptoKey> => {
    const known = keys.get(id);
    if (known !== undefined) return known;
    // Waited for: what a workflow could not read once, and can read when it is replayed, would break the replay.
    const held = keyring.key(id) ?? (await keyring.find?.(id));
    const made = held?.toCryptoKey('AES-GCM', false, ['encrypt', 'decrypt']);
    if (made === undefined) throw undecodable(`it was encrypted with key ${id}, which this keyring does not have`);
    keys.set(id, made);
    return made;
  };

  return {
    encode: (payloads) => Promise.all(payloads.map((payload) => encrypt(payload, keyring.activeId, keyOf, namespace))),
    decode: (payloads) => Promise.all(payloads.map((payload) => decrypt(payload, keyOf, namespace))),
  };
}

/** The id of the key that a payload was encrypted with; null where Keyturn did not encrypt it. */
export function encryptionKeyOf(payload: Payload): string | null {
  const { metadata } = payload;
  if (metadata?.encoding === undefined || text(metadata.encoding) !== encoding) return null;
  return metadata[keyIdField] === undefined ? null : text(metadata[keyIdField]);
}

type KeyOf = (id: string) => Promise<webcrypto.CryptoKey>;

async function encrypt(payload: Payload, keyId: string, keyOf: KeyOf, namespace: string): Promise<Payload> {
  const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
  const plain = ProtoPayload.encode(payload).finish();
  const key = await keyOf(keyId);
  const sealed = await crypto.subtle.encrypt(parameters(nonce, keyId, namespace), key, new Uint8Array(plain));
  const data = new Uint8Array(nonceBytes + sealed.byteLength);
  data.set(nonce);
  data.set(new Uint8Array(sealed), nonceBytes);
  return { metadata: { encoding: bytes(encoding), [keyIdField]: bytes(keyId) }, data };
}

async function decrypt(payload: Payload, keyOf: KeyOf, namespace: string): Promise<Payload> {
  const keyId = encryptionKeyOf(payload);
  if (keyId === null) return payload;
  const data = new Uint8Array(payload.data ?? []);
  if (data.length < nonceBytes + tagBytes) throw undecodable(`it is too short (key ${keyId})`);
  const key = await keyOf(keyId);
  const asked = parameters(data.subarray(0, nonceBytes), keyId, namespace);
  const plain = await crypto.subtle.decrypt(asked, key, data.subarray(nonceBytes)).catch(() => {
    throw undecodable(`it was changed, or belongs to another namespace than ${namespace} (key ${keyId})`);
  });
  return ProtoPayload.decode(new Uint8Array(plain));
}

function parameters(iv: Uint8Array<ArrayBuffer>, keyId: string, namespace: string): webcrypto.AesGcmParams {
  return { name: 'AES-GCM', iv, additionalData: bytes(JSON.stringify([keyId, namespace])) };
}

function undecodable(why: string): Error {
  const { code, kind, message, remedy } = fault('KEYTURN_PAYLOAD_UNREADABLE', why);
  return ApplicationFailure.create({ type: code, message, nonRetryable: true, details: [{ kind, remedy }] });
}

function bytes(value: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(value));
}

function text(value: Uint8Array): string {
  return Buffer.from(value).toString();
}
