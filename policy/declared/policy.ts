import type { Place } from './place.ts';

/** Raised with every change of the shape, together with a migration from the number before (policy/life/migrations.ts). */
export const policyVersion = 3;

/** What the user declares, after its file was read: defaults filled in, durations in milliseconds, absence as null. */
export type Policy = {
  /** Which shape this is: an older command line sends an older one. Those before there were numbers count as 1. */
  version: number;
  name: string;
  /** The named OpenRouter management key that makes and revokes this policy's keys. */
  connection: string;
  schedule: Schedule;
  /** false: only on demand. */
  autoRotate: boolean;
  key: KeySettings;
  secret: {
    name: string;
    /** In the order in which they are written. */
    places: Place[];
    /** How long a place that is not required holds back the revocation of the key it still holds. */
    optionalWaitMs: number;
  };
  /** How long the old key still works after the new one is published. */
  graceMs: number;
  /** How long a disabled key can still be enabled again before it is deleted. */
  quarantineMs: number;
};

/** Every `every` local calendar days at `at` (HH:MM) in `timeZone` (IANA). */
export type Schedule = { every: number; at: string; timeZone: string };

export type KeySettings = {
  /** The name in OpenRouter. It stays the same over every rotation: filters and dashboards go by it (facts §9). */
  name: string;
  /** USD; null is no cap. */
  limit: number | null;
  limitReset: 'daily' | 'weekly' | 'monthly' | null;
  includeByokInLimit: boolean;
  /** uuid; null is the account's default workspace. */
  workspace: string | null;
  /** Life of each key from its creation; null is no expiry. */
  expiresAfterMs: number | null;
};
