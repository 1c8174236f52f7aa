/** What stands in place of a secret. */
export const redacted = '[redacted]';

/** What can be scrubbed out of a text: a secret that is still in memory. */
type Remembered = { reveal(): string };

/** How many of the latest secrets are looked for; a worker handles a few at a time. */
const rememberedMost = 512;
const latest: WeakRef<Remembered>[] = [];
let next = 0;

/** OpenRouter's keys, of both kinds (facts §1), also ones that this process never held as a `Secret`. */
const keyShape = /sk-or-[\w-]{8,}/g;

/** Shorter values are ordinary words: scrubbing them would hide what a person needs to read. */
const shortestValue = 8;

/** Weakly: being looked for keeps no secret in memory. */
export function remember(secret: Remembered): void {
  latest[next] = new WeakRef(secret);
  next = (next + 1) % rememberedMost;
}

/**
 * `text` without the value of any secret in memory, plain or as JSON, base64, hex or a URL would write it, and without
 * anything that looks like an OpenRouter key. The last line of defence, under every writer: nothing should get here.
 */
export function scrub(text: string): string {
  let clean = text;
  for (const reference of latest) {
    const value = reference.deref()?.reveal();
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
