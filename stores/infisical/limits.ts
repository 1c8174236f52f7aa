import type { Spot } from '../store.ts';

/** What is wrong with a spot for Infisical; null: nothing. */
export function wrongName({ name, field }: Spot): string | null {
  // No write knows a condition: two policies on two fields of one value would overwrite each other.
  if (field !== null) return 'a secret of Infisical is written as a whole; give each key a secret of its own';
  if (name.trim() !== name || name === '') return 'a name has no white space around it';
  return /[/:]/.test(name) ? 'a name has no / and no : in Infisical; the folder is the path of the store' : null;
}

/** Why Infisical would keep something else than what was written; null: it would not. */
export function unwritable(value: string): string | null {
  if (value.includes('${')) return 'the value holds "${", which Infisical takes for a reference to another secret';
  return value.trim() !== value || value === ''
    ? 'the value is empty, or has white space around it, which Infisical cuts'
    : null;
}
