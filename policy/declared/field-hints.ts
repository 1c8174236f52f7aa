/** What was probably meant by a wrong value. Each answers undefined where the plain words of the field say enough. */
import { DAY_MS, formatDuration, parseDuration } from '../time/duration.ts';
import { showValue } from './show-value.ts';
import { suggest } from './suggest.ts';

export type Hint = (value: unknown) => { wrong?: string; allowed?: string } | undefined;

export const timeHint: Hint = (value) => {
  if (typeof value !== 'string') return undefined;
  const [, hours = '', minutes = ''] = /^(\d{1,2}):(\d\d)(?::00)?$/.exec(value) ?? [];
  if (hours === '24' && minutes === '00') {
    return { wrong: '"24:00" is not a time of day', allowed: 'a day ends at "23:59"; midnight is "00:00" of the next' };
  }
  const meant = `${hours.padStart(2, '0')}:${minutes}`;
  return timePattern.test(meant) ? { allowed: `did you mean "${meant}"?` } : undefined;
};

export const timePattern = /^([01]\d|2[0-3]):[0-5]\d$/;

/** YAML 1.2 reads yes, no, on and off as text. */
export const yesOrNoHint: Hint = (value) => {
  if (typeof value !== 'string') return undefined;
  const word = value.toLowerCase();
  if (['yes', 'on', 'true'].includes(word)) return { allowed: 'did you mean true?' };
  return ['no', 'off', 'false'].includes(word) ? { allowed: 'did you mean false?' } : undefined;
};

export const limitHint: Hint = (value) => {
  const [, amount] = typeof value === 'string' ? (/^\$?(\d+(?:\.\d+)?)$/.exec(value) ?? []) : [];
  return amount !== undefined && Number(amount) > 0 ? { allowed: `did you mean ${amount}, a bare number?` } : undefined;
};

export const storesHint: Hint = (value) => {
  if (typeof value === 'string' && value.length <= 48) return { allowed: `did you mean [${value}]?` };
  if (isMap(value)) return { wrong: 'is one place', allowed: 'a list: [{ store: … }]' };
  return Array.isArray(value) && value.length === 0 ? { wrong: 'is an empty list' } : undefined;
};

/** What is wrong with a map among the places: a union of forms tells nothing of its own. */
export const placeHint: Hint = (value) => {
  if (typeof value === 'string') {
    return {
      wrong: `${showValue(value)} is not the name of a store`,
      allowed: '1 to 48 lowercase letters and digits, with single hyphens between',
    };
  }
  if (!isMap(value)) return undefined;
  const known = ['store', 'name', 'field', 'required'];
  const odd = Object.keys(value).find((field) => !known.includes(field));
  if (odd !== undefined) {
    const meant = suggest(odd, known);
    const allowed = meant === undefined ? `its fields are ${known.join(', ')}` : `did you mean ${meant}?`;
    return { wrong: `has a field ${odd}`, allowed };
  }
  if (typeof value.store !== 'string') return { wrong: 'names no store', allowed: '{ store: NAME, … }' };
  if (!['boolean', 'undefined'].includes(typeof value.required)) {
    return { wrong: 'has a required that is neither true nor false', allowed: 'true or false' };
  }
  return {
    wrong: 'has a store, name or field that cannot be one',
    allowed: 'names on one line, such as { store: aws, name: prod/checkout, field: key }',
  };
};

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** For a duration field of at least `minMs` and at most `maxMs`. */
export function durationHint(minMs: number, maxMs: number): Hint {
  const within = (ms: number | undefined) => ms !== undefined && ms >= minMs && ms <= maxMs;
  const range = { allowed: `at least ${formatDuration(minMs)} and at most ${formatDuration(maxMs)}` };
  return (value) => {
    if (typeof value === 'number') {
      const meant = value === 0 ? '0s' : `${value}h`;
      return within(parseDuration(meant))
        ? { wrong: `${value} has no unit`, allowed: `did you mean ${meant}?` }
        : undefined;
    }
    if (typeof value !== 'string') return undefined;
    const ms = parseDuration(value);
    if (ms !== undefined) return { wrong: ms < minMs ? `${value} is too short` : `${value} is too long`, ...range };
    const summed = sumOfParts(value);
    return within(summed) ? { allowed: `did you mean ${formatDuration(summed ?? 0)}?` } : undefined;
  };
}

/** `1d12h`, `1 day`, `1.5h`, `24H`: understood well enough to suggest what to write. */
function sumOfParts(text: string): number | undefined {
  const part = /(\d+(?:\.\d+)?)\s*(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)\s*/gi;
  if (text.length > 40 || text.replaceAll(part, '') !== '') return undefined;
  let ms = 0;
  for (const [, number, unit = ''] of text.matchAll(part)) {
    ms += Number(number) * (parseDuration(`1${unit.charAt(0).toLowerCase()}`) ?? DAY_MS);
  }
  return ms;
}
