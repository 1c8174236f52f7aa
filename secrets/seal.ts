import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { fault } from '../errors/keyturn-error.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { Secret } from './secret.ts';

/** A secret that only the keyring opens: `kt1.<key id>.<base64url of nonce, ciphertext, tag>`, AES-256-GCM. */
export type Sealed = string & { readonly brand: 'Sealed' };

const format = 'kt1';
const nonceBytes = 12;
const tagBytes = 16;

/** Additional data of a created key: it opens only for the rotation that made it. */
export function sealingContext({ policy, rotationId }: { policy: string; rotationId: string }): string {
  return JSON.stringify(['rotation', policy, rotationId]);
}

/**
 * Seals with the active key. `aad` (additional data) says what the value is for, in clear, unencrypted and not kept:
 * `unseal` must be told the same again.
 */
export function seal(keyring: Keyring, secret: Secret, aad: string): Sealed {
  const id = keyring.activeId;
  const key = keyring.key(id);
  if (!key) throw fault('KEYTURN_KEYRING_INVALID', `it does not have its own active key ${id}`);
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(aad));
  const plain = Buffer.from(secret.reveal());
  const body = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  plain.fill(0);
  return `${format}.${id}.${body.toString('base64url')}` as Sealed;
}

/**
 * Opens what `seal` made with the same `aad`. Takes any string: it usually comes from history or from disk.
 *
 * @throws KEYTURN_SEAL_BROKEN not sealed by Keyturn, cut, sealed with a key that the keyring does not have, or (which
 *   AES-GCM cannot tell apart) changed, or sealed for something else than `aad`
 */
export function unseal(keyring: Keyring, sealed: string, aad: string): Secret {
  const { keyId, body } = partsOf(sealed);
  const key = keyring.key(keyId);
  if (!key) throw fault('KEYTURN_SEAL_BROKEN', `it was sealed with key ${keyId}, which this keyring does not have`);

  const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(aad));
  decipher.setAuthTag(body.subarray(-tagBytes));
  const plain = decipher.update(body.subarray(nonceBytes, -tagBytes));
  try {
    decipher.final();
    return new Secret(plain.toString());
  } catch {
    throw fault('KEYTURN_SEAL_BROKEN', `its bytes were changed, or it was sealed for something else than ${aad}`);
  } finally {
    plain.fill(0);
  }
}

/** The id of the key that opens it; it is in clear. @throws KEYTURN_SEAL_BROKEN */
export function keyIdOf(sealed: string): string {
  return partsOf(sealed).keyId;
}

function partsOf(sealed: string): { keyId: string; body: Buffer } {
  const [tag, keyId, encoded, ...more] = sealed.split('.');
  if (tag !== format || !keyId || !encoded || more.length > 0) {
    throw fault('KEYTURN_SEAL_BROKEN', `it does not have the form ${format}.<key id>.<bytes>`);
  }
  const body = Buffer.from(encoded, 'base64url');
  // Node skips what is not base64url: a changed character must not pass as a shorter value.
  if (body.toString('base64url') !== encoded) throw fault('KEYTURN_SEAL_BROKEN', 'its bytes are not base64url');
  if (body.length < nonceBytes + tagBytes) throw fault('KEYTURN_SEAL_BROKEN', 'it was cut short');
  return { keyId, body };
}
