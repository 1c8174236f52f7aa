import { fault, type KeyturnError } from '../errors/keyturn-error.ts';

/** SQLite's primary result codes (sqlite.org/rescode.html) that a vault can meet from outside. */
const unavailable: Record<number, string> = {
  5: 'is locked by another process',
  8: 'may not be written, or its folder may not',
  10: 'could not be read or written (input/output error)',
  13: 'could not be written: the disk is full',
  14: 'cannot be opened: check that it and its folder may be read and written',
};
const corrupt: Record<number, string> = {
  11: 'parts of it are missing or overwritten',
  26: 'it is not a vault',
};

/** What went wrong with the vault file, from the number alone: SQLite's texts are not ours to pass on. */
export function vaultFault(file: string, cause: unknown): KeyturnError {
  const code = (cause as { errcode?: unknown }).errcode;
  // The upper bytes of an extended code only refine the lowest one.
  const primary = typeof code === 'number' ? code & 0xff : -1;
  if (unavailable[primary]) return fault('KEYTURN_STORE_UNAVAILABLE', 'local', `${file} ${unavailable[primary]}`);
  if (corrupt[primary]) return fault('KEYTURN_VAULT_CORRUPT', file, corrupt[primary]);
  return fault('KEYTURN_INTERNAL', `the vault ${file} failed with ${code ?? (cause as Error)?.name}`);
}
