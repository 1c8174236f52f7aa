import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextRun, runOn, upcomingRuns } from '../../../policy/time/schedule.ts';

const dayMs = 86_400_000;
const pad = (n: number) => String(n).padStart(2, '0');

const zones = fc.constantFrom(...Intl.supportedValuesOf('timeZone'));
const times = fc.tuple(fc.nat(23), fc.nat(59)).map(([hour, minute]) => `${pad(hour)}:${pad(minute)}`);
const daily = fc.record({ every: fc.constant(1), at: times, timeZone: zones });
const schedules = fc.record({ every: fc.integer({ min: 1, max: 400 }), at: times, timeZone: zones });
const dates = (from: string, to: string) =>
  fc.integer({ min: Date.parse(from) / dayMs, max: Date.parse(to) / dayMs }).map((day) => isoDate(day * dayMs));
const isoDate = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** Dates on which something happens to the clock, found without the code under test. */
const oddDates: [timeZone: string, date: string][] = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Africa/Casablanca',
  'Asia/Gaza',
  'Pacific/Apia',
  'Antarctica/Troll',
].flatMap((timeZone) => {
  const wall = wallClock(timeZone);
  const found: [string, string][] = [];
  let shift = 0;
  for (let ms = Date.UTC(2011, 0, 1, 12); ms < Date.UTC(2013, 0, 1); ms += dayMs) {
    const now = Date.parse(`${wall(ms).replace(' ', 'T')}Z`) - ms;
    if (now !== shift)
      found.push([timeZone, isoDate(ms - dayMs)], [timeZone, isoDate(ms)], [timeZone, isoDate(ms + dayMs)]);
    shift = now;
  }
  return found;
});

/** `YYYY-MM-DD HH:MM` on the wall of a zone, by Intl alone. */
function wallClock(timeZone: string): (ms: number) => string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return (ms) => format.format(ms);
}

/** The first minute at which the wall shows the date and time or later, by looking at every minute. */
function firstMinute(timeZone: string, date: string, at: string): string {
  const wall = wallClock(timeZone);
  const wanted = `${date} ${at}`;
  let ms = Date.parse(`${date}T${at}Z`) - 16 * 3_600_000;
  while (wall(ms) < wanted) ms += 60_000;
  return new Date(ms).toISOString().replace('.000', '');
}

describe('against a scan of every minute', () => {
  test('on any date, in any zone', () => {
    fc.assert(
      fc.property(zones, dates('1975-01-01', '2036-12-31'), times, (timeZone, date, at) => {
        expect(runOn({ every: 1, at, timeZone }, date).utc).toBe(firstMinute(timeZone, date, at));
      }),
      { numRuns: 60 },
    );
  });

  test('on dates on which the clocks change', () => {
    fc.assert(
      fc.property(fc.constantFrom(...oddDates), fc.nat(4), fc.nat(59), ([timeZone, date], hour, minute) => {
        const at = `${pad(hour)}:${pad(minute)}`;
        expect(runOn({ every: 1, at, timeZone }, date).utc).toBe(firstMinute(timeZone, date, at));
      }),
      { numRuns: 60 },
    );
  });
});

test('runs are strictly in order, a whole number of intervals apart, and at the time asked for unless it is missing', () => {
  fc.assert(
    fc.property(schedules, dates('1970-01-01', '2100-01-01'), (schedule, anchor) => {
      let last = { date: anchor, utc: runOn(schedule, anchor).utc };
      for (const run of upcomingRuns(schedule, anchor, last.utc, 6)) {
        expect(Date.parse(run.utc)).toBeGreaterThan(Date.parse(last.utc));
        expect(Date.parse(run.local)).toBeCloseTo(Date.parse(run.utc), -5); // -5: an offset with seconds is rounded
        const days = (Date.parse(run.date) - Date.parse(last.date)) / dayMs;
        expect(days % schedule.every).toBe(0);
        const asked = `${run.date}T${schedule.at}:00`;
        const shown = run.local.slice(0, 19);
        if (shown !== asked) {
          // In a gap: later than asked, and a second earlier the clock showed less than what was asked.
          expect(shown > asked).toBe(true);
          const before = wallClock(schedule.timeZone)(Date.parse(run.utc) - 1000);
          expect(before.replace(' ', 'T') < asked).toBe(true);
        }
        last = run;
      }
    }),
    { numRuns: 300 },
  );
});

test('every date has its run: none is lost, whenever it is asked for', () => {
  fc.assert(
    fc.property(
      schedules,
      dates('1980-01-01', '2060-01-01'),
      fc.nat(5000),
      fc.nat(dayMs),
      (schedule, anchor, days, ms) => {
        const after = new Date(Date.parse(anchor) + days * dayMs + ms).toISOString();
        const next = nextRun(schedule, anchor, after);
        expect(Date.parse(next.utc)).toBeGreaterThan(Date.parse(after));
        const previous = isoDate(Date.parse(next.date) - schedule.every * dayMs);
        if (previous > anchor) expect(Date.parse(runOn(schedule, previous).utc)).toBeLessThanOrEqual(Date.parse(after));
      },
    ),
    { numRuns: 300 },
  );
});

test('an instant between two runs leads to the same next run, whichever it is', () => {
  fc.assert(
    fc.property(
      daily,
      dates('2000-01-01', '2040-01-01'),
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      (schedule, anchor, part) => {
        const [first, second] = upcomingRuns(schedule, anchor, `${anchor}T00:00:00Z`, 2).map((run) =>
          Date.parse(run.utc),
        );
        if (first === undefined || second === undefined) throw new Error('two runs were asked for');
        const between = new Date(Math.floor(first + (second - first) * part)).toISOString();
        expect(Date.parse(nextRun(schedule, anchor, between).utc)).toBe(second);
      },
    ),
    { numRuns: 200 },
  );
});
