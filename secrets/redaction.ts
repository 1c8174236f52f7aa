import { createHash } from 'node:crypto';

/** What stands in place of a secret. */
export const redacted = '[redacted]';

/** A value that is scrubbed out of texts for as long as anything holds this. All secrets of one value hold the same. */
export type Scrubbed = { readonly value: string };

/** How many of the latest values are looked for; a worker handles a few at a time. */
const rememberedMost = 512;
/** By digest, the newest last. Weakly, and no value is a name here: being looked for keeps no secret in memory. */
const latest = new Map<string, WeakRef<Scrubbed>>();
const forget = new FinalizationRegistry((digest: string) => {
  // Another secret of the same value may have come meanwhile.
  if (latest.get(digest)?.deref() === undefined) latest.delete(digest);
});

/** OpenRouter's keys, of both kinds (facts §1), also ones that this process never held as a `Secret`. */
const keyShape = /sk-or-[\w-]{8,}/g;

/** Shorter values are ordinary words: scrubbing them would hide what a person needs to read. */
const shortestValue = 8;

/**
 * From now on the value is scrubbed, until what this returns is no longer held. A value takes one place however often it
 * is remembered: a management key is read anew for every step, and its copies would push all other secrets out.
 */
export function remember(value: string): Scrubbed {
  const digest = createHash('sha256').update(value).digest('base64');
  const held = latest.get(digest)?.deref();
  const scrubbed = held ?? { value };
  if (held === undefined) forget.register(scrubbed, digest);
  // Taken out first, so that it becomes the newest.
  latest.delete(digest);
  latest.set(digest, new WeakRef(scrubbed));
  const [oldest] = latest.keys();
  if (latest.size > rememberedMost && oldest !== undefined) latest.delete(oldest);
  return scrubbed;
}

/**
 * `text` without the value of any secret in memory, plain or as JSON, base64, hex or a URL would write it, and without
 * anything that looks like an OpenRouter key. The last line of defence, under every writer: nothing should get here.
 */
export function scrub(text: string): string {
  let clean = text;
  for (const reference of latest.values()) {
    const value = reference.deref()?.value;
    if (value === undefined || value.length < shortestValue) continue;
    for (const form of formsOf(value)) {
      if (clean.includes(form)) clean = clean.replaceAll(form, redacted);
    }
  }
  return clean.replace(keyShape, redacted);
}

function formsOf(value: string): Set<string> {
  const bytes = Buffer.from(value);
  return new Set([
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ]);
}
