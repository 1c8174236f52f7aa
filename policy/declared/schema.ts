/**
 * The policy file as people write it: every field, its form, its default, and the words that an error uses about it.
 * `docs/policy.schema.json` is generated from here; `docs/policy.md` gives the reason for each default.
 *
 * Never imported by workflow code: zod costs 12 times the memory of a bare workflow (design §11).
 */
import { z } from 'zod';
import { DAY_MS, durationPattern, parseDuration } from '../time/duration.ts';
import { readTimeZone } from '../time/time-zone.ts';
import { keyOutlivesRotation, placesDiffer, resetNeedsLimit } from './cross-rules.ts';
import {
  durationHint,
  type Hint,
  limitHint,
  placeHint,
  storesHint,
  timeHint,
  timePattern,
  yesOrNoHint,
} from './field-hints.ts';
import { placesOf } from './places-as-written.ts';
import { type Policy, policyVersion } from './policy.ts';

/** What an error says of a field: `<value> is not <is>; <allowed>`, or, where `hint` knows better, what that says. */
export type FieldWords = { is: string; allowed: string; hint?: Hint };

export const fieldWords = z.registry<FieldWords>();

const YEAR_MS = 365 * DAY_MS;

/** A rotation writes them one after another, and the state keeps of each what it held before (policy/life/bounds.ts). */
const mostStores = 8;

/** Names are shown, logged and searched for. Somebody will paste a key where its name belongs. */
const noKey = /^(?!.*sk-or-)/i;

/** ≤ 48, so that a marker (`keyturn:<name>:<uuid>:<attempt>`) keeps to the 100 characters of a key's name (facts §12). */
const label = (is: string, purpose: string) =>
  z
    .string()
    .max(48)
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    .regex(noKey)
    .describe(purpose)
    .register(fieldWords, { is, allowed: '1 to 48 lowercase letters and digits, with single hyphens between' });

const yesOrNo = (preset: boolean, purpose: string) =>
  z
    .boolean()
    .default(preset)
    .describe(purpose)
    .register(fieldWords, {
      is: 'true or false',
      allowed: `true or false; leave it out for ${preset}`,
      hint: yesOrNoHint,
    });

/** Read as milliseconds. */
const duration = (minMs: number, maxMs: number) =>
  z
    .string()
    .regex(durationPattern)
    .transform((text, found) => {
      const ms = parseDuration(text);
      if (ms !== undefined && ms >= minMs && ms <= maxMs) return ms;
      found.addIssue({ code: 'custom' });
      return z.NEVER;
    });

const durationWords = (minMs: number, maxMs: number): FieldWords => ({
  is: 'a length of time',
  allowed: 'a whole number and s, m, h, d or w, such as 24h',
  hint: durationHint(minMs, maxMs),
});

const schedule = z
  .strictObject({
    every: z
      .int()
      .min(1)
      .max(3650)
      .describe('Days from one rotation to the next, on the local calendar.')
      .register(fieldWords, { is: 'a number of days', allowed: 'a whole number from 1 to 3650' }),
    at: z
      .string()
      .regex(timePattern)
      .describe('Local time of day, HH:MM, 00:00 to 23:59.')
      .register(fieldWords, { is: 'a time of day', allowed: '"00:00" to "23:59"', hint: timeHint }),
    timeZone: z
      .string()
      .transform((text, found) => {
        const read = readTimeZone(text);
        if ('timeZone' in read) return read.timeZone;
        found.addIssue({ code: 'custom', params: read });
        return z.NEVER;
      })
      .describe('IANA time zone, such as Europe/Berlin.')
      .register(fieldWords, { is: 'a time zone', allowed: 'an IANA name, such as Europe/Berlin or UTC' }),
  })
  .describe('When to rotate.')
  .register(fieldWords, { is: 'a schedule', allowed: 'a map of every, at and timeZone' });

const key = z
  .strictObject({
    name: z
      .string()
      .max(100)
      // A name that begins so marks a key whose rotation is not finished; such keys are looked for and removed.
      .regex(/^(?!keyturn:)[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u)
      .regex(/^\S(.*\S)?$/)
      .regex(noKey)
      .describe('The name of the key in OpenRouter, the same after every rotation.')
      .register(fieldWords, {
        is: 'a name for a key',
        allowed: '1 to 100 characters on one line, no space at either end, not beginning "keyturn:"',
      }),
    limit: z
      .number()
      .positive()
      .nullish()
      .describe('What the key may spend, in US dollars; left out or null: no limit.')
      .register(fieldWords, {
        is: 'a limit',
        allowed: 'US dollars above 0; leave it out for no limit',
        hint: limitHint,
      }),
    limitReset: z
      .enum(['daily', 'weekly', 'monthly'])
      .nullish()
      .describe('When the limit starts anew (at 00:00 UTC); left out or null: never, it is for the life of the key.')
      .register(fieldWords, { is: 'a period', allowed: 'daily, weekly or monthly; leave it out for no reset' }),
    includeByokInLimit: yesOrNo(false, 'Whether use of your own provider keys counts towards the limit.'),
    workspace: z
      .guid()
      .toLowerCase()
      .nullish()
      .describe("The uuid of the OpenRouter workspace; left out or null: the account's default one.")
      .register(fieldWords, {
        is: 'the uuid of a workspace',
        allowed: 'such as 0f8fad5b-d9cb-469f-a165-70867728950e; leave it out for the default one',
      }),
    expiresAfter: duration(DAY_MS, 20 * YEAR_MS)
      .nullish()
      .describe('Life of each key from its creation; left out or null: it does not expire.')
      .register(fieldWords, durationWords(DAY_MS, 20 * YEAR_MS)),
  })
  .check(resetNeedsLimit)
  .describe('The settings of each key.')
  .register(fieldWords, { is: 'the settings of a key', allowed: 'a map of name and, if wanted, limit and others' });

/** What a store calls a secret or a field of it: nothing that could redraw a terminal. */
const spotName = (is: string, most: number, purpose: string) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u)
    .regex(noKey)
    .describe(purpose)
    .register(fieldWords, { is, allowed: `1 to ${most} characters on one line` });

const storeLabel = () =>
  label('the name of a store', 'The store, as keyturn.yaml names it; local needs no declaration.');

/** One place: the name of a store, or a map where the place has a name of its own there. */
const place = z
  .union([
    storeLabel(),
    z.strictObject({
      store: storeLabel(),
      name: spotName('a name of a secret', 200, "What the store calls it; left out: the secret's name.").optional(),
      field: spotName(
        'a name of a field',
        128,
        'One field of several that the secret holds; left out: all of it.',
      ).nullish(),
      required: yesOrNo(true, 'false: a key is published without it, and it follows as soon as it can.'),
    }),
  ])
  .register(fieldWords, {
    is: 'a place',
    allowed: 'the name of a store, or a map of store and, if wanted, name, field and required',
    hint: placeHint,
  });

const secret = z
  .strictObject({
    name: z
      .string()
      .max(128)
      .regex(/^[A-Za-z_][A-Za-z0-9_./-]*$/)
      .regex(noKey)
      .describe('What applications call the secret.')
      .register(fieldWords, {
        is: 'a name for a secret',
        allowed: 'a letter or _, then up to 127 letters, digits and _ . / -',
      }),
    stores: z
      .array(place)
      .min(1)
      .max(mostStores)
      .default(['local'])
      .describe('Where applications read it. Each must hold the new key before the old one is revoked.')
      .register(fieldWords, {
        is: 'a list of stores',
        allowed: `1 to ${mostStores} places, each once, such as [local]`,
        hint: storesHint,
      }),
    optional: z
      .strictObject({
        waitFor: duration(0, YEAR_MS)
          .prefault('7d')
          .describe('How long the key that such a place still holds is not revoked.')
          .register(fieldWords, durationWords(0, YEAR_MS)),
      })
      .prefault({})
      .describe('Of places that are not required.')
      .register(fieldWords, { is: 'settings of optional places', allowed: 'a map of waitFor' }),
  })
  .check(placesDiffer)
  .describe('Where each key goes.')
  .register(fieldWords, { is: 'a secret', allowed: 'a map of name and stores' });

export const policyFile = z
  .strictObject({
    name: label('a name for a policy', 'The name of the policy. It cannot be changed later.'),
    connection: label('the name of a connection', 'The management key to use, as named in keyturn connection add.'),
    schedule,
    autoRotate: yesOrNo(true, 'false: rotate only when asked to.'),
    key,
    secret,
    grace: duration(0, YEAR_MS)
      .prefault('24h')
      .describe('How long the old key still works after the new one is published.')
      .register(fieldWords, durationWords(0, YEAR_MS)),
    quarantine: duration(0, YEAR_MS)
      .prefault('7d')
      .describe('How long a disabled key can still be enabled again before it is deleted.')
      .register(fieldWords, durationWords(0, YEAR_MS)),
  })
  .check(keyOutlivesRotation)
  .meta({ title: 'Keyturn policy', description: 'What to rotate, when, and where the new key goes.' })
  .register(fieldWords, { is: 'a policy', allowed: 'a map of name, connection, schedule, key and secret' });

/** The policy that a file declares, once `policyFile` has read it. */
export function toPolicy({ key, secret, grace, quarantine, ...file }: z.output<typeof policyFile>): Policy {
  const { limit = null, limitReset = null, workspace = null, expiresAfter = null, ...named } = key;
  return {
    version: policyVersion,
    ...file,
    secret: {
      name: secret.name,
      places: placesOf(secret.stores, secret.name),
      optionalWaitMs: secret.optional.waitFor,
    },
    key: { ...named, limit, limitReset, workspace, expiresAfterMs: expiresAfter },
    graceMs: grace,
    quarantineMs: quarantine,
  };
}
