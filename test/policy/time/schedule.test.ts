import { describe, expect, test } from 'vitest';
import type { Schedule } from '../../../policy/declared/policy.ts';
import { localDate, nextRun, runOn, upcomingRuns } from '../../../policy/time/schedule.ts';

const berlin: Schedule = { every: 1, at: '02:30', timeZone: 'Europe/Berlin' };
const at = (timeZone: string, time: string, every = 1): Schedule => ({ every, at: time, timeZone });
const locals = (schedule: Schedule, anchor: string, count: number) =>
  upcomingRuns(schedule, anchor, `${anchor}T23:59:59Z`, count).map((run) => run.local);

describe('one run', () => {
  test('says the date it is for, the instant in UTC and the local time with its offset', () => {
    expect(runOn(at('Europe/Berlin', '03:30', 30), '2026-12-22')).toEqual({
      date: '2026-12-22',
      utc: '2026-12-22T02:30:00Z',
      local: '2026-12-22T03:30:00+01:00',
      timeZone: 'Europe/Berlin',
    });
  });

  test.each([
    ['Asia/Kolkata, half an hour', 'Asia/Kolkata', '2026-06-01', '03:30', '2026-05-31T22:00:00Z'],
    ['Asia/Kathmandu, three quarters', 'Asia/Kathmandu', '2026-06-01', '03:30', '2026-05-31T21:45:00Z'],
    ['Asia/Kathmandu before 1986', 'Asia/Kathmandu', '1985-06-01', '03:30', '1985-05-31T22:00:00Z'],
    ['Pacific/Kiritimati, the earliest', 'Pacific/Kiritimati', '2026-06-01', '00:00', '2026-05-31T10:00:00Z'],
    ['Etc/GMT+12, the latest', 'Etc/GMT+12', '2026-06-01', '23:59', '2026-06-02T11:59:00Z'],
    ['Berlin by the sun', 'Europe/Berlin', '1890-06-01', '12:00', '1890-06-01T11:06:32Z'],
    ['Monrovia, 44 min 30 s behind until 1972', 'Africa/Monrovia', '1970-01-01', '12:00', '1970-01-01T12:44:30Z'],
    ['a leap day', 'UTC', '2028-02-29', '12:00', '2028-02-29T12:00:00Z'],
  ])('%s', (_, timeZone, date, time, utc) => {
    expect(runOn(at(timeZone, time), date).utc).toBe(utc);
  });
});

describe('a gap runs at its end', () => {
  test.each([
    [
      '02:30 where 02:00 to 03:00 is missing is 03:00, not 03:30',
      'Europe/Berlin',
      '2026-03-29',
      '02:30',
      '03:00:00+02:00',
    ],
    ['its first minute', 'Europe/Berlin', '2026-03-29', '02:00', '03:00:00+02:00'],
    ['the minute before it', 'Europe/Berlin', '2026-03-29', '01:59', '01:59:00+01:00'],
    ['the minute after it', 'Europe/Berlin', '2026-03-29', '03:01', '03:01:00+02:00'],
    ['New York', 'America/New_York', '2026-03-08', '02:30', '03:00:00-04:00'],
    ['half an hour on Lord Howe', 'Australia/Lord_Howe', '2026-10-04', '02:15', '02:30:00+11:00'],
    ['at midnight', 'America/Sao_Paulo', '2018-11-04', '00:00', '01:00:00-02:00'],
    ['with seconds in it', 'Africa/Monrovia', '1972-01-07', '00:20', '00:44:30+00:00'],
  ])('%s', (_, timeZone, date, time, local) => {
    expect(runOn(at(timeZone, time), date).local).toBe(`${date}T${local}`);
  });

  test.each([
    ['Pacific/Apia', '2011-12-30', '2011-12-31T00:00:00+14:00'],
    ['Pacific/Kwajalein', '1993-08-21', '1993-08-22T00:00:00+12:00'],
  ])('a date that %s skipped whole runs when the next one begins', (timeZone, date, local) => {
    expect(runOn(at(timeZone, '12:00'), date)).toMatchObject({ date, local });
    expect(locals(at(timeZone, '12:00'), previous(date), 2)).toEqual([
      local,
      `${local.slice(0, 10)}T12:00:00${local.slice(19)}`,
    ]);
  });

  test('a skipped date whose run falls on that of the next one is one run, not two', () => {
    expect(locals(at('Pacific/Apia', '00:00'), '2011-12-28', 3)).toEqual([
      '2011-12-29T00:00:00-10:00',
      '2011-12-31T00:00:00+14:00',
      '2012-01-01T00:00:00+14:00',
    ]);
  });
});

describe('a fold runs once, at the first of the two', () => {
  test.each([
    ['Europe/Berlin', '2026-10-25', '02:30', '02:30:00+02:00'],
    ['America/New_York', '2026-11-01', '01:30', '01:30:00-04:00'],
    ['Australia/Lord_Howe', '2026-04-05', '01:45', '01:45:00+11:00'],
  ])('%s', (timeZone, date, time, local) => {
    const schedule = at(timeZone, time);
    const run = runOn(schedule, date);
    expect(run.local).toBe(`${date}T${local}`);
    // Asked in the middle of the fold, between the two.
    expect(nextRun(schedule, date, new Date(Date.parse(run.utc) + 60_000).toISOString()).date > date).toBe(true);
  });

  test('over midnight, the evening comes twice and runs once', () => {
    // 24:00 became 23:00 of the same day.
    expect(locals(at('America/Sao_Paulo', '23:30'), '2018-02-16', 2)).toEqual([
      '2018-02-17T23:30:00-02:00',
      '2018-02-18T23:30:00-03:00',
    ]);
  });
});

describe('the next run', () => {
  test('is strictly after the instant asked for: asked at a run, the one after it', () => {
    expect(nextRun(berlin, '2026-01-01', '2026-01-02T01:30:00Z').date).toBe('2026-01-03');
    expect(nextRun(berlin, '2026-01-01', '2026-01-02T01:29:59.999Z').date).toBe('2026-01-02');
  });

  test('is never on the anchor date itself, even when its time is still to come', () => {
    expect(nextRun({ ...berlin, at: '23:00' }, '2026-01-01', '2026-01-01T00:00:00Z').date).toBe('2026-01-02');
  });

  test('is the first one, when the anchor lies ahead', () => {
    expect(nextRun({ ...berlin, every: 7 }, '2030-01-01', '2026-01-01T00:00:00Z').date).toBe('2030-01-08');
  });

  test('skips what was missed and stays on the days of the anchor', () => {
    expect(nextRun({ ...berlin, every: 7 }, '2026-01-01', '2026-06-15T12:00:00Z').date).toBe('2026-06-18');
  });

  test('does not drift, however late each run was', () => {
    let anchor = '2026-01-31';
    const dates: string[] = [];
    for (let month = 0; month < 4; month += 1) {
      const due = nextRun({ ...berlin, every: 30 }, anchor, `${anchor}T12:00:00Z`);
      anchor = due.date; // Carried out many hours late; it is still the run of its date.
      dates.push(due.date);
    }
    expect(dates).toEqual(['2026-03-02', '2026-04-01', '2026-05-01', '2026-05-31']);
  });

  test('goes over the end of a year and over leap days', () => {
    expect(locals(at('UTC', '12:00'), '2027-12-30', 2).map((run) => run.slice(0, 10))).toEqual([
      '2027-12-31',
      '2028-01-01',
    ]);
    expect(nextRun(at('UTC', '12:00', 365), '2028-01-01', '2028-01-01T00:00:00Z').date).toBe('2028-12-31');
  });

  test('is found without visiting every day of a century', () => {
    for (let hour = 0; hour < 100; hour += 1) {
      const after = new Date(Date.UTC(2126, 0, 1, hour)).toISOString();
      expect(Date.parse(nextRun(berlin, '2026-01-01', after).utc)).toBeGreaterThan(Date.parse(after));
    }
  });
});

describe.each(['Europe/Berlin', 'America/New_York'])('a year of daily runs in %s', (timeZone) => {
  test.each(['01:30', '02:30', '03:30'])(
    'at %s has one run for each date, and each at that time but for the gap',
    (time) => {
      const runs = upcomingRuns(at(timeZone, time), '2026-01-01', '2026-01-01T23:59:59Z', 365);
      expect(runs.at(-1)?.date).toBe('2027-01-01');
      expect(new Set(runs.map((run) => run.date)).size).toBe(365);
      expect(new Set(runs.map((run) => run.utc)).size).toBe(365);
      const odd = runs.filter((run) => run.local.slice(0, 16) !== `${run.date}T${time}`);
      expect(odd.map((run) => run.local.slice(11, 16))).toEqual(time === '02:30' ? ['03:00'] : []);
    },
  );
});

test('the local date is the one on the wall of the zone', () => {
  expect(localDate('Pacific/Auckland', '2026-11-23T12:00:00Z')).toBe('2026-11-24');
  expect(localDate('America/Los_Angeles', '2026-11-23T07:59:59.999Z')).toBe('2026-11-22');
});

const previous = (date: string) => new Date(Date.parse(date) - 86_400_000).toISOString().slice(0, 10);
