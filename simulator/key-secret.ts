import { createHash, randomBytes } from 'node:crypto';

/** Inference and management keys look alike: `sk-or-v1-` and 64 hex digits (facts §1). */
const secretPattern = /^sk-or-v1-[0-9a-f]{64}$/;

export const secretPrefix = 'sk-or-v1-';

export function mintSecret(): string {
  return secretPrefix + randomBytes(32).toString('hex');
}

export function isSecret(value: string): boolean {
  return secretPattern.test(value);
}

/** The only form in which the simulator keeps a secret. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** What the label shows of a secret, without the prefix: the state file holds nothing that looks like a key. */
export function maskOf(secret: string): string {
  const hex = secret.slice(secretPrefix.length);
  return `${hex.slice(0, 3)}...${hex.slice(-3)}`;
}

/** A path or a name as it may be logged, whatever a client put into it. */
export function withoutSecrets(text: string): string {
  return text.replace(/sk-or-[\w-]{8,}/g, '[redacted]');
}
