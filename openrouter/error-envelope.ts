import { z } from 'zod';
import type { Secret } from '../secrets/secret.ts';

/** `code`, `metadata` and the rest may be missing (facts §7). */
const envelope = z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) });

/** Enough for a sentence or two of zod's, and no more than fits a terminal. */
const maxLength = 300;

/**
 * What OpenRouter says in its JSON error envelope, fit to be shown: one line, capped, nothing in it that looks like a
 * key and nothing that was sent as one. undefined: no envelope, so it may not be OpenRouter that speaks (facts §7).
 */
export function quoteError(json: unknown, sent: Secret): string | undefined {
  const parsed = envelope.safeParse(json);
  if (!parsed.success) return undefined;

  const { error } = parsed.data;
  const message = (typeof error === 'string' ? error : error.message)
    .replaceAll(sent.reveal(), '[redacted]')
    .replace(/sk-or-[\w-]+/gi, '[redacted]')
    .replace(/\bbearer\s+\S+/gi, '[redacted]')
    // Control and format characters could steer the terminal they are printed on.
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim();
  if (message === '') return 'no reason given';
  return message.length > maxLength ? `${message.slice(0, maxLength)}…` : message;
}
