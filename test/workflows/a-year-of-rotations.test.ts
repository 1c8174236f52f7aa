import { expect, test } from 'vitest';
import { aPolicy, day, hour } from '../policy/life/states.ts';
import { type Call, notingActivities } from './noting-activities.ts';
import { startTimeSkipping } from './time-skipping.ts';

const zones = ['Europe/Berlin', 'America/New_York'];

/** 02:30 is missing on the spring day of both zones, and comes twice on the autumn day of neither but lies beside it. */
const at = '02:30';

test('a year of daily rotations hits each local time exactly, once, over both DST changes', async () => {
  const calls: Call[] = [];
  const temporal = await startTimeSkipping(notingActivities(calls));
  try {
    const began = await temporal.env.currentTimeMs();
    for (const timeZone of zones) {
      const name = nameOf(timeZone);
      await temporal.apply(
        aPolicy({ name, schedule: { every: 1, at, timeZone }, graceMs: 6 * hour, quarantineMs: 3 * day }),
      );
    }
    // In pieces: the server drops a connection on which one call waits for a minute (too many pings).
    for (let week = 0; week < 53; week++) await temporal.env.sleep(7 * day);

    for (const timeZone of zones) {
      const created = calls.filter(({ step, policy }) => step === 'createKey' && policy.endsWith(nameOf(timeZone)));
      const [first, ...scheduled] = created;
      const dates = localDatesFrom(began, timeZone).slice(0, scheduled.length);
      expect(scheduled.length).toBeGreaterThanOrEqual(365);
      expect(scheduled.map((call) => secondsOf(call.at))).toEqual(dates.map((date) => firstInstantOf(date, timeZone)));
      expect(first && Math.abs(Date.parse(first.at) - began)).toBeLessThan(60_000);
      expectRetired(calls, created);
    }
  } finally {
    await temporal.close();
  }
}, 600_000);

function nameOf(timeZone: string): string {
  return timeZone.toLowerCase().replace(/[/_]/g, '-');
}

/** Each key but the last is disabled one grace after its successor was published, and deleted one quarantine later. */
function expectRetired(calls: Call[], created: Call[]): void {
  const when = (step: string, hash: string) => {
    const times = calls.filter((call) => call.step === step && call.hash === hash).map((call) => Date.parse(call.at));
    expect(times.length).toBeLessThanOrEqual(1);
    return times[0];
  };
  for (const [n, { hash }] of created.slice(0, -5).entries()) {
    const successor = created[n + 1];
    const published = successor && when('renameKey', successor.hash);
    const disabled = when('disableKey', hash);
    const deleted = when('deleteKey', hash);
    if (published === undefined || disabled === undefined || deleted === undefined) throw new Error(`${hash} was kept`);
    expect((disabled - published) / hour).toBeCloseTo(6, 2);
    expect((deleted - disabled) / day).toBeCloseTo(3, 2);
  }
}

/** The local dates after the one of `epochMs`. */
function localDatesFrom(epochMs: number, timeZone: string): string[] {
  const noon = Date.parse(`${local(epochMs, timeZone).slice(0, 10)}T12:00:00Z`);
  return Array.from({ length: 400 }, (_, n) => new Date(noon + (n + 1) * day).toISOString().slice(0, 10));
}

/** The first instant at which a clock on the wall there shows `at` of that date, or anything later. No schedule maths. */
function firstInstantOf(date: string, timeZone: string): string {
  for (let epochMs = Date.parse(`${date}T00:00:00Z`) - day; ; epochMs += hour / 2) {
    if (local(epochMs, timeZone) >= `${date} ${at}`) return secondsOf(new Date(epochMs).toISOString());
  }
}

const formats = new Map(
  zones.map((timeZone) => [
    timeZone,
    new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }),
  ]),
);

function local(epochMs: number, timeZone: string): string {
  return formats.get(timeZone)?.format(epochMs) ?? '';
}

function secondsOf(instant: string): string {
  return instant.slice(0, 19);
}
