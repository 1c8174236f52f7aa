import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Payload } from '@temporalio/common';

/** Bytes that must hold no secret, and what a person calls them. */
export type Place = { name: string; bytes: Uint8Array };

/** A find. Says where and in what form, never the secret itself. */
export type Leak = { place: string; what: string; form: string; offset: number };

type Needle = { what: string; form: string; bytes: Buffer };

/** What every OpenRouter key begins with (facts §1). */
export const keyPrefix = 'sk-or-v1-';

/** Long enough that no other bytes look like it by chance. */
const pieceLength = 16;

/**
 * Where in `places` a secret, a quarter of one, or the prefix of any OpenRouter key stands: byte for byte, and as
 * UTF-16, hex, base64 (in the middle of something encoded too), JSON escapes, or the bytes that its hex digits mean.
 */
export function findLeaks(places: Place[], secrets: string[]): Leak[] {
  const needles = [
    ...formsOf(keyPrefix, 'the prefix of a key'),
    ...secrets.flatMap((secret, n) => piecesOf(secret).flatMap((piece) => formsOf(piece, `secret ${n}`))),
  ];
  const index = indexOf(needles);
  return places.flatMap(({ name, bytes }) => {
    const hay = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return [...firstFinds(hay, index)].map(([{ what, form }, offset]) => ({ place: name, what, form, offset }));
  });
}

/** Needles by their first four bytes; `begins` says of the first two alone whether any begins so. */
type NeedleIndex = { begins: Uint8Array; byStart: Map<number, Needle[]> };

function indexOf(needles: Needle[]): NeedleIndex {
  const begins = new Uint8Array(0x10000);
  const byStart = new Map<number, Needle[]>();
  for (const needle of needles) {
    const start = needle.bytes.readUInt32BE(0);
    begins[start >>> 16] = 1;
    byStart.set(start, [...(byStart.get(start) ?? []), needle]);
  }
  return { begins, byStart };
}

/** Where each needle stands first. One pass for all of them: there are thousands, and databases of many megabytes. */
function firstFinds(hay: Buffer, { begins, byStart }: NeedleIndex): Map<Needle, number> {
  const finds = new Map<Needle, number>();
  let window = 0;
  for (let end = 0; end < hay.length; end++) {
    window = ((window << 8) | (hay[end] as number)) >>> 0; // within its length
    if (begins[window >>> 16] === 0) continue;
    const at = end - 3;
    for (const needle of byStart.get(window) ?? []) {
      if (!finds.has(needle) && needle.bytes.equals(hay.subarray(at, at + needle.bytes.length))) finds.set(needle, at);
    }
  }
  return finds;
}

/** Every file below the folder, as it is on disk at this moment. What is gone when it is read (a journal) is not there. */
export async function filesBelow(folder: string): Promise<Place[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const places = files.map(async (file) => ({
    name: relative(folder, file),
    bytes: await readFile(file).catch(ifGone),
  }));
  return (await Promise.all(places)).flatMap(({ name, bytes }) => (bytes === null ? [] : [{ name, bytes }]));
}

function ifGone(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

/** A message of Temporal's API: as JSON, and what its payloads hold, which in JSON are base64. */
export function jsonPlaces(name: string, message: unknown): Place[] {
  const json = JSON.stringify(message, bytesAsBase64);
  const inside = new Set<string>();
  collectBase64(JSON.parse(json), inside);
  const decoded = [...inside].map((text) => Buffer.from(text, 'base64'));
  return [
    { name, bytes: Buffer.from(json) },
    { name: `${name}, payloads`, bytes: Buffer.concat(decoded.flatMap((bytes) => [bytes, Buffer.from('\n')])) },
  ];
}

/** The bytes of every payload in a message of Temporal's API, as `decode` makes them of what was sent. */
export async function payloadsIn(message: unknown, decode: (payload: Payload) => Promise<Payload>): Promise<Buffer> {
  if (typeof message !== 'object' || message === null || message instanceof Uint8Array) return Buffer.alloc(0);
  if ('metadata' in message && 'data' in message) {
    const { data } = await decode(message as Payload);
    return Buffer.concat([Buffer.from(data ?? []), Buffer.from('\n')]);
  }
  return Buffer.concat(await Promise.all(Object.values(message).map((inner) => payloadsIn(inner, decode))));
}

/** `this`: a Buffer has made itself an array of numbers by the time it is handed in. */
function bytesAsBase64(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const given = this[key];
  return given instanceof Uint8Array ? Buffer.from(given).toString('base64') : value;
}

function collectBase64(value: unknown, into: Set<string>): void {
  if (typeof value === 'string') {
    if (value.length >= 8 && value.length % 4 === 0 && /^[A-Za-z0-9+/]+=*$/.test(value)) into.add(value);
  } else if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) collectBase64(inner, into);
  }
}

/** A half of a secret is a secret too: an answer may break off in the middle of one. */
function piecesOf(secret: string): string[] {
  const body = secret.startsWith(keyPrefix) ? secret.slice(keyPrefix.length) : secret;
  if (body.length < pieceLength) throw new Error('too short to be told apart from other bytes');
  const count = Math.floor(body.length / pieceLength);
  return Array.from({ length: count }, (_, n) => body.slice(n * pieceLength, (n + 1) * pieceLength));
}

function formsOf(text: string, what: string): Needle[] {
  const plain = Buffer.from(text);
  const hex = plain.toString('hex');
  const escaped = Array.from(text, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
  const forms: [string, Buffer][] = [
    ['plain', plain],
    ['UTF-16', Buffer.from(text, 'utf16le')],
    ['hex', Buffer.from(hex)],
    ['hex', Buffer.from(hex.toUpperCase())],
    ['JSON escapes', Buffer.from(escaped)],
    ...[0, 1, 2].flatMap((at) => base64At(plain, at).map((bytes): [string, Buffer] => ['base64', bytes])),
  ];
  if (/^[0-9a-f]{16}$/.test(text)) forms.push(['the bytes of its digits', Buffer.from(text, 'hex')]);
  return forms.map(([form, bytes]) => ({ what, form, bytes }));
}

/** The characters that the bytes alone decide when they begin at `at` (mod 3) of what is encoded; in both alphabets. */
function base64At(bytes: Buffer, at: number): Buffer[] {
  const encoded = Buffer.concat([Buffer.alloc(at), bytes])
    .toString('base64')
    .replace(/=+$/, '');
  const cutFront = [0, 2, 3][at] ?? 0;
  const cutBack = (at + bytes.length) % 3 === 0 ? 0 : 1;
  const certain = encoded.slice(cutFront, encoded.length - cutBack);
  const url = certain.replaceAll('+', '-').replaceAll('/', '_');
  return [...new Set([certain, url])].map((text) => Buffer.from(text));
}
