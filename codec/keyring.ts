import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { link, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { fault } from '../errors/keyturn-error.ts';

/** The keys that seal and open. One is active; the others only open what was sealed with them before. */
export type Keyring = {
  readonly activeId: string;
  /** AES-256, as a KeyObject: it prints no bytes. undefined: the keyring does not have this id. */
  key(id: string): KeyObject | undefined;
};

const keyBytes = 32;

const keyringFile = z.strictObject({
  version: z.literal(1),
  activeId: z.string(),
  // An id stands between the dots of a sealed value, so it holds none.
  keys: z.record(z.string().regex(/^[A-Za-z0-9_-]{1,64}$/), z.base64().length(44)),
});
type KeyringFile = z.infer<typeof keyringFile>;

/**
 * Opens the keyring of `file`, and makes one (mode 0600) where there is none.
 * Several processes that start at once end with one and the same keyring.
 *
 * @throws KEYTURN_KEYRING_INVALID others than its owner may read the file, it cannot be read or made, or is no keyring
 */
export async function openKeyring(file: string): Promise<Keyring> {
  try {
    let text = await readPrivate(file);
    if (text === undefined) {
      await makeOnce(file, JSON.stringify(freshFile(), null, 2));
      // Not what was just made: another process may have been first.
      text = await readPrivate(file);
    }
    if (text === undefined) throw fault('KEYTURN_KEYRING_INVALID', `${file} vanished while it was opened`);
    return inMemory(parse(file, text));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).syscall && (cause as NodeJS.ErrnoException).code;
    if (code) throw fault('KEYTURN_KEYRING_INVALID', `${file} cannot be read or made (${code})`);
    throw cause;
  }
}

/** A keyring with one fresh key that is kept nowhere: what it seals is lost with the process. */
export function freshKeyring(): Keyring {
  return inMemory(freshFile());
}

function freshFile(): KeyringFile {
  const id = `k${randomBytes(4).toString('hex')}`;
  return { version: 1, activeId: id, keys: { [id]: randomBytes(keyBytes).toString('base64') } };
}

function inMemory({ activeId, keys }: KeyringFile): Keyring {
  const objects = new Map<string, KeyObject>();
  for (const [id, encoded] of Object.entries(keys)) {
    const bytes = Buffer.from(encoded, 'base64');
    objects.set(id, createSecretKey(bytes));
    bytes.fill(0);
  }
  return { activeId, key: (id) => objects.get(id) };
}

function parse(file: string, text: string): KeyringFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which is key material.
    throw fault('KEYTURN_KEYRING_INVALID', `${file} is not JSON`);
  }
  const { data, error } = keyringFile.safeParse(json);
  if (!data) {
    // Only the field: below `keys` a path could show what a broken file holds.
    const field = String(error.issues[0]?.path[0] ?? 'its form');
    throw fault('KEYTURN_KEYRING_INVALID', `${file} is not a keyring of this version (see ${field})`);
  }
  if (!Object.hasOwn(data.keys, data.activeId)) {
    throw fault('KEYTURN_KEYRING_INVALID', `${file} does not have its own active key`);
  }
  return data;
}

async function readPrivate(file: string): Promise<string | undefined> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file, 'r');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
  try {
    // Of the handle, not the path: what is checked is what is read.
    const mode = (await handle.stat()).mode & 0o777;
    if (mode & 0o077) {
      const octal = mode.toString(8).padStart(4, '0');
      throw fault('KEYTURN_KEYRING_INVALID', `${file} has mode ${octal}, only its owner may read it (chmod 600)`);
    }
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/** Whole or not at all, and only where there is none: a hard link never replaces, unlike a rename. */
async function makeOnce(file: string, text: string): Promise<void> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(draft, file);
    // Sealed values must never outlive their keyring, so its name is on disk before the first of them.
    const directory = await open(folder, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
  } finally {
    await rm(draft, { force: true });
  }
}
