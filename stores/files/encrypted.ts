/**
 * Whether sops, dotenvx, dotenv-vault, ansible-vault, age or PGP has encrypted it, wholly or in part. Whoever reads it
 * decrypts it first: a value in plain would be an error to some of them, and to sops a broken checksum.
 */
export function isEncrypted(text: string): boolean {
  return patterns.some((pattern) => pattern.test(text));
}

const patterns = [
  /^\s*(export\s+)?(sops_\w+|DOTENV_PUBLIC_KEY\w*|DOTENV_VAULT\w*)\s*=/m,
  /(^|[=:])\s*["']?(encrypted:|ENC\[)/m,
  /^\$ANSIBLE_VAULT;/,
  /^-----BEGIN (AGE ENCRYPTED FILE|PGP MESSAGE)-----/m,
];

export const encryptedInWords =
  'it is encrypted by another tool (sops, dotenvx or the like), which would not know the new value';
