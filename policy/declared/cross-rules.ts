/** Rules between fields. Each runs as soon as the fields it reads are right by themselves, whatever else is wrong. */
import { z } from 'zod';
import { DAY_MS, formatDuration } from '../time/duration.ts';
import { placeKey } from './place.ts';
import { placesAsWritten, placesOf } from './places-as-written.ts';

/** OpenRouter takes such a key, and never resets anything: a cap that was meant and is not there. */
export const resetNeedsLimit = z.superRefine<unknown>(
  (_, found) => {
    found.addIssue({
      code: 'custom',
      path: ['limitReset'],
      params: { wrong: 'resets a limit that is not set', allowed: 'set limit as well, or leave limitReset out' },
    });
  },
  { when: (parsed) => resetWithoutLimit.safeParse(parsed.value).success && sound(parsed, ['limit', 'limitReset']) },
);

const resetWithoutLimit = z.object({ limitReset: z.string(), limit: z.null().optional() });

/**
 * What `expiresAfter` must leave beside the interval and the grace. A key that is made just after midnight waits nearly
 * a day longer than `every` for its replacement, clocks change by an hour or more, and a rotation may need retries.
 */
const EXPIRY_MARGIN_MS = 2 * DAY_MS;

/** A key must not die before its replacement is in every store and its own grace is over. On demand, nothing is due. */
export const keyOutlivesRotation = z.superRefine<unknown>(
  (value, found) => {
    const { schedule, key, grace } = lifetime.parse(value);
    const neededMs = schedule.every * DAY_MS + grace + EXPIRY_MARGIN_MS;
    if (key.expiresAfter >= neededMs) return;
    found.addIssue({
      code: 'custom',
      path: ['key', 'expiresAfter'],
      params: {
        wrong: `${formatDuration(key.expiresAfter)} may end before the key is replaced`,
        allowed: `at least ${formatDuration(neededMs)}: every (${schedule.every}d), grace (${formatDuration(grace)}) and 2d of room`,
      },
    });
  },
  {
    when: (parsed) =>
      lifetime.safeParse(parsed.value).success &&
      sound(parsed, ['autoRotate', 'schedule.every', 'key.expiresAfter', 'grace']),
  },
);

/** A place that is written twice would be undone to what the rotation itself wrote. One has to say when to publish. */
export const placesDiffer = z.superRefine<unknown>(
  (value, found) => {
    const { name: secretName, stores } = writtenTo.parse(value);
    const places = placesOf(stores, secretName);
    const keys = places.map(placeKey);
    const twice = keys.findIndex((key, at) => keys.indexOf(key) !== at);
    const issue = (path: (string | number)[], wrong: string, allowed: string) =>
      found.addIssue({ code: 'custom', path, params: { wrong, allowed } });
    if (twice >= 0) issue(['stores', twice], `names ${keys[twice]} twice`, 'each place once');
    const overlapping = places.find(
      (one) =>
        one.field === null &&
        places.some(
          (other) => other !== one && other.store === one.store && other.name === one.name && other.field !== null,
        ),
    );
    if (overlapping !== undefined) {
      issue(['stores'], `names ${placeKey(overlapping)} whole and one of its fields`, 'the one or the other');
    }
    if (places.every(({ required }) => !required)) {
      issue(['stores'], 'has no place that is required', 'at least one: when it holds the new key, that is published');
    }
  },
  { when: (parsed) => writtenTo.safeParse(parsed.value).success && sound(parsed, ['name', 'stores']) },
);

const writtenTo = z.object({ name: z.string(), stores: placesAsWritten });

const lifetime = z.object({
  autoRotate: z.literal(true),
  schedule: z.object({ every: z.int().positive() }),
  key: z.object({ expiresAfter: z.number() }),
  grace: z.number(),
});

/** No issue was found in these fields so far. (A value that was refused stands there as it was written.) */
function sound({ issues }: z.core.ParsePayload, fields: string[]): boolean {
  return !issues.some(({ path }) => fields.includes((path ?? []).join('.')));
}
