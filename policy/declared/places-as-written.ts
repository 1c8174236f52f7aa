import { z } from 'zod';
import type { Place } from './place.ts';

/** The places of a file, as far as their form is right: what rules between fields and files need to know of them. */
export const placesAsWritten = z
  .array(
    z.union([
      z.string(),
      z.object({
        store: z.string(),
        name: z.string().optional(),
        field: z.string().nullish(),
        required: z.boolean().optional(),
      }),
    ]),
  )
  .min(1);

/** With what is left out filled in. A store alone stands for the place of the secret's own name in it. */
export function placesOf(written: z.output<typeof placesAsWritten>, secretName: string): Place[] {
  return written.map((one) => {
    if (typeof one === 'string') return { store: one, name: secretName, field: null, required: true };
    const { store, name = secretName, field = null, required = true } = one;
    return { store, name, field, required };
  });
}
