import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { redacted, remember, type Scrubbed } from './redaction.ts';

/**
 * A plaintext that refuses to print: only `reveal()` gives it out, so every place that does can be found by name. As long
 * as it is in memory, writers scrub its value out of what they write (redaction.ts).
 */
export class Secret {
  readonly #held: Scrubbed;

  constructor(value: string) {
    this.#held = remember(value);
  }

  reveal(): string {
    return this.#held.value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}

/**
 * What a secret is compared by where its value must not go: SHA-256 over purpose and value, hex.
 * A key has 256 random bits, so the digest gives nothing away; the purpose keeps it apart from OpenRouter's own hash.
 */
export function digestOf(secret: Secret): string {
  return createHash('sha256').update('keyturn digest\0').update(secret.reveal()).digest('hex');
}
