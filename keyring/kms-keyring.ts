import type { KMSClient } from '@aws-sdk/client-kms';
import { fault } from '../errors/keyturn-error.ts';
import type { WrappedKey } from './keyring-file.ts';

/** Of one try; the SDK makes three. A worker that starts must not hang on a network without a way to KMS. */
const requestTimeoutMs = 5_000;

/**
 * A new data key of AWS KMS, wrapped. Its plain bytes are not kept: `unwrapKey` gets them when they are needed.
 *
 * @param kmsKey id, ARN or alias of a symmetric KMS key. Region and credentials are found as AWS's own tools find them
 * @throws KEYTURN_KMS_FAILED
 */
export async function makeWrappedKey(kmsKey: string, keyId: string): Promise<WrappedKey> {
  const { GenerateDataKeyCommand } = await import('@aws-sdk/client-kms');
  const made = await withKms(kmsKey, 'make a data key', (kms) =>
    kms.send(
      new GenerateDataKeyCommand({
        KeyId: kmsKey,
        KeySpec: 'AES_256',
        EncryptionContext: encryptionContext(keyId),
      }),
    ),
  );
  made.Plaintext?.fill(0);
  const wrapped: WrappedKey = {
    kms: String(made.KeyId),
    wrapped: Buffer.from(made.CiphertextBlob ?? []).toString('base64'),
  };
  // Whoever may make a data key may not be allowed to unwrap it: found out before anything is sealed with it.
  (await unwrapKey(keyId, wrapped)).fill(0);
  return wrapped;
}

/**
 * The 32 bytes of a wrapped key. It opens only under the id that it was made for.
 *
 * @throws KEYTURN_KMS_FAILED
 */
export async function unwrapKey(keyId: string, { kms: kmsKey, wrapped }: WrappedKey): Promise<Buffer> {
  const { DecryptCommand } = await import('@aws-sdk/client-kms');
  const { Plaintext } = await withKms(kmsKey, `unwrap key ${keyId}`, (kms) =>
    kms.send(
      new DecryptCommand({
        KeyId: kmsKey,
        CiphertextBlob: Buffer.from(wrapped, 'base64'),
        EncryptionContext: encryptionContext(keyId),
      }),
    ),
  );
  const bytes = Buffer.from(Plaintext ?? []);
  Plaintext?.fill(0);
  if (bytes.length !== 32) throw fault('KEYTURN_KMS_FAILED', `unwrap key ${keyId}`, kmsKey, 'it is not 32 bytes');
  return bytes;
}

/** Seen in CloudTrail, and usable as a condition of a KMS key policy. */
function encryptionContext(keyId: string): Record<string, string> {
  return { keyturn: 'keyring', keyId };
}

async function withKms<Result>(
  kmsKey: string,
  what: string,
  send: (kms: KMSClient) => Promise<Result>,
): Promise<Result> {
  const { KMSClient } = await import('@aws-sdk/client-kms');
  const region = kmsKey.startsWith('arn:') ? kmsKey.split(':')[3] : undefined;
  const timeouts = {
    connectionTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    throwOnRequestTimeout: true,
  };
  const kms = new KMSClient({ requestHandler: timeouts, ...(region ? { region } : {}) });
  try {
    return await send(kms);
  } catch (cause) {
    // Its name alone: the message may quote the request.
    const { name, code } = cause as { name?: string; code?: string };
    throw fault('KEYTURN_KMS_FAILED', what, kmsKey, code ?? name ?? 'unknown error');
  } finally {
    kms.destroy();
  }
}
