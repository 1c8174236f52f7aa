import { z } from 'zod';
import { fieldWords } from '../errors/field-words.ts';
import type { ReadersFollow } from './promises.ts';

const words = fieldWords(
  'is not how applications follow',
  '"once", "restart" or "redeploy", or within how long they read it again, such as 5m',
);
const unitMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** How the applications of a declared store get a new value, where whoever declares it knows better than its kind. */
export const readersFollow = z
  .string(words)
  .regex(/^(once|restart|redeploy|[1-9]\d{0,5}[smh])$/, words)
  .transform((text): ReadersFollow => {
    if (text === 'once' || text === 'restart' || text === 'redeploy') return { at: text };
    return { at: 'within', ms: Number(text.slice(0, -1)) * (unitMs[text.slice(-1)] ?? 0) };
  });
