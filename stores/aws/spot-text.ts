import type { Secret } from '../../secrets/secret.ts';
import { fieldCount, fieldIn, type HeldField, NotAField, withField, withoutField } from '../json-field.ts';
import type { Spot } from '../store.ts';

/** Neither service holds an empty value: this stands for nothing in what is to stay. */
export const nothing = '{}';

/** The description of what Keyturn has made. Whoever changes it makes it theirs: it is not deleted any more. */
export const madeByKeyturn = 'Made by Keyturn.';

/** What the spot has of the whole text. @throws NotAField */
export function heldIn(text: string, { field }: Spot): HeldField | null {
  if (field === null) return text === nothing ? null : { value: text, token: text };
  return fieldIn(text, field);
}

/** Why the spot cannot be written in this text; null: it can. */
export function whyNotIn(text: string, spot: Spot): string | null {
  try {
    heldIn(text, spot);
    return null;
  } catch (error) {
    if (error instanceof NotAField) return error.message;
    throw error;
  }
}

/** The whole text with a new value at the spot. `text` null: there is none yet. */
export function withValue(text: Secret | null, { field }: Spot, value: Secret): string {
  return field === null ? value.reveal() : withField(text?.reveal() ?? nothing, field, value.reveal());
}

/** The whole text with the spot as it was: spelt like `token`, or without it. */
export function withFormer(text: Secret | null, { field }: Spot, token: string | null): string {
  if (field === null) return token ?? nothing;
  const whole = text?.reveal() ?? nothing;
  return token === null ? withoutField(whole, field) : withField(whole, field, '', token);
}

/** For `check`: a wrong region looks the same as a name that is not there yet. */
export function notThere(name: string, region: string): string {
  return `There is no ${name} in ${region} yet: it would be made.`;
}

/** For `check`: who names no field may not know that there are some. */
export function wholeWarnings(text: string | null, { name, field }: Spot): string[] {
  const fields = text === null || field !== null ? null : fieldCount(text);
  if (!fields) return [];
  return [`${name} is a JSON object of ${fields} fields, and all of it would be replaced: name one of them as field.`];
}
