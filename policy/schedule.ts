/**
 * When a policy runs: every `every` local calendar days at a local time, in a time zone with all its history.
 *
 * One rule covers every oddity of local time: **the run for a date is the first instant at which the local clock shows
 * that date and time, or later.** So a gap runs at its end, a fold runs once, at the first of the two, and a date that a
 * zone skipped whole runs when the next date begins. Runs are counted from a date, never from an instant: no drift.
 *
 * Pure, and free of zod and yaml: a local activity and the command line use it. Workflow code must not (design §3).
 */
import { Temporal } from 'temporal-polyfill';
import type { Schedule } from './policy.ts';

export type Run = {
  /** The local calendar date that the run is for, YYYY-MM-DD. In a skipped date it is not the date the clock shows. */
  date: string;
  /** ISO instant in UTC, to the second, ending in Z. */
  utc: string;
  /** The same instant on the local clock, YYYY-MM-DDTHH:MM:SS±HH:MM. Offsets with seconds (before 1972) are rounded. */
  local: string;
  timeZone: string;
};

/** The run that the schedule has for the local `date` (YYYY-MM-DD). It always exists. */
export function runOn(schedule: Schedule, date: string): Run {
  return { date, ...shown(firstInstantAt(Temporal.PlainDate.from(date), schedule), schedule.timeZone) };
}

/**
 * The first run strictly after the instant `after` that is a whole number (≥ 1) of intervals after `anchorDate`, the
 * local date that the last rotation was for.
 */
export function nextRun(schedule: Schedule, anchorDate: string, after: string): Run {
  const anchor = Temporal.PlainDate.from(anchorDate);
  const limit = Temporal.Instant.from(after);
  const today = limit.toZonedDateTimeISO(schedule.timeZone).toPlainDate();
  // The runs for all dates before today are behind us, as the local clock has shown them: no need to visit them.
  let intervals = Math.max(1, Math.ceil(anchor.until(today).days / schedule.every));
  for (;;) {
    const date = anchor.add({ days: intervals * schedule.every });
    const run = firstInstantAt(date, schedule);
    if (Temporal.Instant.compare(run, limit) > 0) return { date: date.toString(), ...shown(run, schedule.timeZone) };
    intervals += 1;
  }
}

/** The next `count` runs, as if each of them took place. */
export function upcomingRuns(schedule: Schedule, anchorDate: string, after: string, count: number): Run[] {
  const runs: Run[] = [];
  let last = { date: anchorDate, utc: after };
  while (runs.length < count) {
    const run = nextRun(schedule, last.date, last.utc);
    runs.push(run);
    last = run;
  }
  return runs;
}

/** The date (YYYY-MM-DD) that a calendar on the wall of `timeZone` shows at `instant`. */
export function localDate(timeZone: string, instant: string): string {
  return Temporal.Instant.from(instant).toZonedDateTimeISO(timeZone).toPlainDate().toString();
}

const dayMs = 24 * 3_600_000;

/**
 * The first instant at which the local clock shows `date` and the schedule's time, or later.
 *
 * Temporal's own ways out of a gap are not used: all of them shift the time by the length of the gap (02:30 becomes
 * 03:30). Instead the stretches of constant offset are walked, starting where the clock cannot be there yet: no offset
 * in the time zone database reaches 24 hours.
 */
function firstInstantAt(date: Temporal.PlainDate, schedule: Schedule): Temporal.Instant {
  const wantedMs = Date.parse(`${date}T${schedule.at}Z`);
  let stretch = Temporal.Instant.fromEpochMilliseconds(wantedMs - dayMs).toZonedDateTimeISO(schedule.timeZone);
  for (;;) {
    const hereMs = wantedMs - stretch.offsetNanoseconds / 1_000_000;
    const end = stretch.getTimeZoneTransition('next');
    if (end === null || hereMs < end.epochMilliseconds) {
      // Earlier than the stretch itself: the clock jumped over the wanted time when the stretch began.
      return Temporal.Instant.fromEpochMilliseconds(Math.max(hereMs, stretch.epochMilliseconds));
    }
    stretch = end;
  }
}

function shown(instant: Temporal.Instant, timeZone: string): Omit<Run, 'date'> {
  const local = instant.toZonedDateTimeISO(timeZone);
  return {
    utc: instant.toString({ smallestUnit: 'second' }),
    local: local.toString({ smallestUnit: 'second', timeZoneName: 'never' }),
    timeZone,
  };
}
