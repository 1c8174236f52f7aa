import { Temporal } from 'temporal-polyfill';
import { showValue } from '../declared/show-value.ts';
import { suggest } from '../declared/suggest.ts';

/**
 * The IANA name of a zone in its proper case, or why it is not one and what was probably meant.
 *
 * An alias is kept as it is written (Asia/Kolkata stays, whatever the runtime calls it).
 */
export function readTimeZone(text: string): { timeZone: string } | { wrong: string; allowed: string } {
  if (isOffset(text)) {
    return {
      wrong: `${showValue(text)} is an offset: it follows no change of the clocks`,
      allowed: 'name a place, such as Europe/Berlin, or UTC',
    };
  }
  const timeZone = properName(text);
  if (timeZone !== undefined) return { timeZone };
  const meant = suggestZone(text);
  return {
    wrong: `${showValue(text)} is not a time zone`,
    allowed: meant === undefined ? 'an IANA name, such as Europe/Berlin or UTC' : `did you mean ${meant}?`,
  };
}

/** Temporal takes offsets for zones. Etc/GMT+5 is a name; the others here are not. */
function isOffset(text: string): boolean {
  return /^(UTC|GMT|Z)?\s*[+-]\d/i.test(text);
}

function properName(text: string): string | undefined {
  try {
    return new Temporal.ZonedDateTime(0n, text).timeZoneId;
  } catch {
    return undefined;
  }
}

function suggestZone(text: string): string | undefined {
  const zones = [...Intl.supportedValuesOf('timeZone'), ...unlistedNames, 'UTC'];
  const place = (zone: string) => zone.slice(zone.lastIndexOf('/') + 1);
  const whole = suggest(text, zones);
  if (whole !== undefined) return whole;
  // "Berlin", "Germany/Berlin", "New York": the place alone is known.
  const meant = suggest(place(text), zones.map(place));
  return zones.find((zone) => place(zone) === meant);
}

/** Names that people use and that the runtime does not list: ICU shows a zone under the first name it ever had. */
const unlistedNames = [
  'Africa/Asmara',
  'America/Nuuk',
  'Asia/Ho_Chi_Minh',
  'Asia/Kathmandu',
  'Asia/Kolkata',
  'Asia/Yangon',
  'Atlantic/Faroe',
  'Europe/Kyiv',
  'Pacific/Chuuk',
  'Pacific/Kanton',
  'Pacific/Pohnpei',
  'US/Central',
  'US/Eastern',
  'US/Mountain',
  'US/Pacific',
];
