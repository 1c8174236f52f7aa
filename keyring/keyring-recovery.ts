import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { z } from 'zod';
import { fault } from '../errors/keyturn-error.ts';
import type { Secret } from '../secrets/secret.ts';
import { type KeyringContent, parseKeyring } from './keyring-file.ts';

/** 128 MB and about half a second a guess; OWASP's first choice for scrypt. */
const cost = { N: 2 ** 17, r: 8, p: 1 } as const;
const tagBytes = 16;

/** Everything but the passphrase that opening it takes, for whoever has only this file and a manual of scrypt. */
const recoveryFile = z.strictObject({
  format: z.literal('keyturn keyring recovery'),
  version: z.literal(1),
  derivation: z.strictObject({
    name: z.literal('scrypt'),
    N: z.literal(cost.N),
    r: z.literal(cost.r),
    p: z.literal(cost.p),
    salt: z.base64(),
  }),
  cipher: z.literal('AES-256-GCM, tag last, format as additional data'),
  nonce: z.base64(),
  sealed: z.base64(),
});

/** A copy of the keyring that only the passphrase opens: the text of a file. */
export async function recoveryTextOf(content: KeyringContent, passphrase: Secret): Promise<string> {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const format = 'keyturn keyring recovery';
  const cipher = createCipheriv('aes-256-gcm', await derived(passphrase, salt), nonce).setAAD(Buffer.from(format));
  const sealed = Buffer.concat([cipher.update(JSON.stringify(content)), cipher.final(), cipher.getAuthTag()]);
  const file: z.infer<typeof recoveryFile> = {
    format,
    version: 1,
    derivation: { name: 'scrypt', ...cost, salt: salt.toString('base64') },
    cipher: 'AES-256-GCM, tag last, format as additional data',
    nonce: nonce.toString('base64'),
    sealed: sealed.toString('base64'),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/**
 * @param file where the text is from, for the error
 * @throws KEYTURN_RECOVERY_UNREADABLE no such file, or (which AES-GCM cannot tell apart) changed or another passphrase
 */
export async function recoveredFrom(file: string, text: string, passphrase: Secret): Promise<KeyringContent> {
  const read = recoveryFile.safeParse(jsonOf(text));
  if (!read.success)
    throw fault('KEYTURN_RECOVERY_UNREADABLE', file, 'it was not made by keyturn keyring export-recovery');
  const { format, derivation, nonce, sealed } = read.data;
  const key = await derived(passphrase, Buffer.from(derivation.salt, 'base64'));
  const bytes = Buffer.from(sealed, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64'), { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(format)).setAuthTag(bytes.subarray(-tagBytes));
    const plain = Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]);
    return parseKeyring(file, plain.toString());
  } catch {
    throw fault('KEYTURN_RECOVERY_UNREADABLE', file, 'the passphrase is another one, or the file was changed');
  }
}

function derived(passphrase: Secret, salt: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  // Normalised: the same passphrase typed on another keyboard must be the same bytes.
  const typed = passphrase.reveal().normalize('NFKC');
  const maxmem = 256 * cost.N * cost.r;
  scrypt(typed, salt, 32, { ...cost, maxmem }, (error, key) => (error ? reject(error) : resolve(key)));
  return promise;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
