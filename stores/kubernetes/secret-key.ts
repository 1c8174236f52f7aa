import type { Spot } from '../store.ts';
import type { SecretObject } from './secret-object.ts';

const sayWhich = 'say which: { store: …, name: …, field: OPENROUTER_API_KEY }';

/**
 * The key of `data` that a spot means. What a policy calls its secret is not known here, so where the spot names none, it
 * is the only one that the Secret has; null: there is none.
 */
export function keyAt({ field }: Spot, secret: SecretObject | null): string | null | { wrong: string } {
  if (field !== null) return field;
  const [only = null, ...more] = Object.keys(secret?.data ?? {});
  return more.length === 0 ? only : { wrong: `the Secret has several keys; ${sayWhich}` };
}

export const noKey = `no key of the Secret is named; ${sayWhich}`;
