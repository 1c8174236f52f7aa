import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { fault } from '../errors/keyturn-error.ts';
import { tryLock } from '../files/exclusive-lock.ts';
import { flushFolder, replaceFile } from '../files/replace-file.ts';

/** A data key that only AWS KMS can unwrap: ARN of the KMS key, and the wrapped bytes. */
const wrappedKey = z.strictObject({ kms: z.string().startsWith('arn:'), wrapped: z.base64().max(8192) });
export type WrappedKey = z.infer<typeof wrappedKey>;

const instants = z.record(z.string(), z.iso.datetime()).default({});

/** The form of `keyring.json`, and of KEYTURN_KEYRING. */
const keyringContent = z.strictObject({
  version: z.literal(1),
  activeId: z.string(),
  // An id stands between the dots of a sealed value, so it holds none.
  keys: z.record(z.string().regex(/^[A-Za-z0-9_-]{1,64}$/), z.union([z.base64().length(44), wrappedKey])),
  madeAt: instants,
  /** When a key that is no longer active stopped being it. */
  activeUntil: instants,
});
export type KeyringContent = z.infer<typeof keyringContent>;
export type HeldKey = KeyringContent['keys'][string];

/** `stamp` differs once the file was changed. */
export type ReadKeyring = { content: KeyringContent; stamp: string };

const lockWaitMs = 5_000;

/**
 * @param where what the text came from, for the error
 * @throws KEYTURN_KEYRING_INVALID shows none of the text, which is key material
 */
export function parseKeyring(where: string, text: string): KeyringContent {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw fault('KEYTURN_KEYRING_INVALID', `${where} is not JSON`);
  }
  const { data, error } = keyringContent.safeParse(json);
  if (!data) {
    // Only the field: below `keys` a path could show what a broken file holds.
    const field = String(error.issues[0]?.path[0] ?? 'its form');
    throw fault('KEYTURN_KEYRING_INVALID', `${where} is not a keyring of this version (see ${field})`);
  }
  if (!Object.hasOwn(data.keys, data.activeId)) {
    throw fault('KEYTURN_KEYRING_INVALID', `${where} does not have its own active key`);
  }
  return data;
}

/** A keyring of one key, which is active. */
export function keyringOfOne(id: string, key: HeldKey, now: Date): KeyringContent {
  return { version: 1, activeId: id, keys: { [id]: key }, madeAt: { [id]: now.toISOString() }, activeUntil: {} };
}

export function newKeyId(): string {
  return `k${randomBytes(4).toString('hex')}`;
}

export function newPlainKey(): string {
  return randomBytes(32).toString('base64');
}

/**
 * undefined: there is none.
 *
 * @throws KEYTURN_KEYRING_INVALID others than its owner may read it, it cannot be read, or is no keyring
 */
export function readKeyringFile(file: string): ReadKeyring | undefined {
  return withFile(file, () => {
    let descriptor: number;
    try {
      descriptor = openSync(file, 'r');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw cause;
    }
    try {
      // Of the open file, not the path: what is checked is what is read.
      const stat = fstatSync(descriptor, { bigint: true });
      const mode = Number(stat.mode) & 0o777;
      if (mode & 0o077) {
        const octal = mode.toString(8).padStart(4, '0');
        throw fault('KEYTURN_KEYRING_INVALID', `${file} has mode ${octal}, only its owner may read it (chmod 600)`);
      }
      return { content: parseKeyring(file, readFileSync(descriptor, 'utf8')), stamp: stampFrom(stat) };
    } finally {
      closeSync(descriptor);
    }
  });
}

/** The `stamp` that reading the file now would give; undefined where it cannot be told. */
export function stampOf(file: string): string | undefined {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat && stampFrom(stat);
}

/** Whole or not at all, and only where there is none: a hard link never replaces, unlike a rename. */
export function makeKeyringFile(file: string, content: KeyringContent): void {
  withFile(file, () => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const draft = `${file}.${randomBytes(6).toString('hex')}`;
    try {
      writeFileSync(draft, textOf(content), { flag: 'wx', mode: 0o600, flush: true });
      linkSync(draft, file);
      // Sealed values must never outlive their keyring, so its name is on disk before the first of them.
      flushFolder(dirname(file));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    } finally {
      rmSync(draft, { force: true });
    }
  });
}

/**
 * Changes the keyring of `file` in one step, on disk when this returns; one change after the other, also of several
 * processes. Killed at any moment, it leaves the keyring from before or the one from after.
 *
 * @throws KEYTURN_KEYRING_MISSING, KEYTURN_KEYRING_INVALID, and whatever `change` throws, which then changes nothing
 */
export function changeKeyringFile(file: string, change: (content: KeyringContent) => KeyringContent): void {
  withFile(file, () => {
    // What a link points at is replaced, not the link.
    const target = stampOf(file) === undefined ? file : realpathSync(file);
    locked(target, () => {
      const held = readKeyringFile(target);
      if (held === undefined) throw fault('KEYTURN_KEYRING_MISSING', file);
      const changed = parseKeyring(file, textOf(change(held.content)));
      replaceFile(target, textOf(changed));
    });
  });
}

function locked(file: string, work: () => void): void {
  const lock = tryLock(`${file}.lock`, lockWaitMs);
  if (lock === undefined) throw fault('KEYTURN_KEYRING_INVALID', `another process is changing ${file}`);
  try {
    work();
  } finally {
    lock.release();
  }
}

function stampFrom({ dev, ino, mtimeNs, size }: { dev: bigint; ino: bigint; mtimeNs: bigint; size: bigint }): string {
  return [dev, ino, mtimeNs, size].join(' ');
}

function textOf(content: KeyringContent): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** What the file system refuses, as a fault of the keyring. */
function withFile<Result>(file: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    const { syscall, code } = cause as NodeJS.ErrnoException;
    throw syscall && code ? fault('KEYTURN_KEYRING_INVALID', `${file} cannot be read or written (${code})`) : cause;
  }
}
