/**
 * When a policy runs: every `every` local calendar days at a local time, in a time zone with all its history.
 *
 * One rule covers every oddity of local time: **the run for a date is the first instant at which the local clock shows
 * that date and time, or later.** So a gap runs at its end, a fold runs once, at the first of the two, and a date that a
 * zone skipped whole runs when the next date begins. Runs are counted from a date, never from an instant: no drift.
 *
 * Pure, and free of zod and yaml: activities and the command line use it. Workflow code must not (design §3).
 */
import { Temporal } from 'temporal-polyfill';
import type { Schedule } from '../declared/policy.ts';

export type Run = {
  /** The local calendar date that the run is for, YYYY-MM-DD. In a skipped date it is not the date the clock shows. */
  date: string;
  /** ISO instant in UTC, to the second, ending in Z. */
  utc: string;
  /** The same instant on the local clock, YYYY-MM-DDTHH:MM:SS±HH:MM. Offsets with seconds (before 1972) lose them. */
  local: string;
  timeZone: string;
};

/** The run that the schedule has for the local `date` (YYYY-MM-DD). It always exists. */
export function runOn(schedule: Schedule, date: string): Run {
  return runFor(schedule, date).run;
}

/**
 * The first run strictly after the instant `after` that is a whole number (≥ 1) of intervals after `anchorDate`, the
 * local date that the last rotation was for.
 */
export function nextRun(schedule: Schedule, anchorDate: string, after: string): Run {
  const anchorMs = Date.parse(anchorDate);
  const afterMs = Date.parse(after);
  const intervalMs = schedule.every * dayMs;
  // No run is later than two days after the midnight, in UTC, of its date: those before are behind us.
  let intervals = Math.max(1, Math.ceil((afterMs - 2 * dayMs - anchorMs) / intervalMs));
  for (;;) {
    const date = new Date(anchorMs + intervals * intervalMs).toISOString().slice(0, 10);
    const { atMs, run } = runFor(schedule, date);
    if (atMs > afterMs) return run;
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
  return clockAt(Date.parse(instant), timeZone).toPlainDate().toString();
}

const dayMs = 24 * 3_600_000;

/**
 * The first moment at which the local clock shows `date` and the schedule's time, or later.
 *
 * Temporal's own ways out of a gap are not used: all of them shift the time by the length of the gap (02:30 becomes
 * 03:30). Instead the stretches of constant offset are walked, starting where the clock cannot be there yet: no offset
 * in the time zone database reaches 24 hours.
 */
function runFor({ at, timeZone }: Schedule, date: string): { atMs: number; run: Run } {
  const wantedMs = Date.parse(`${date}T${at}Z`);
  let stretch = clockAt(wantedMs - dayMs, timeZone);
  for (;;) {
    const offsetMs = stretch.offsetNanoseconds / 1_000_000;
    const hereMs = wantedMs - offsetMs;
    const end = stretch.getTimeZoneTransition('next');
    if (end === null || hereMs < end.epochMilliseconds) {
      // Earlier than the stretch itself: the clock jumped over the wanted time when the stretch began.
      const atMs = Math.max(hereMs, stretch.epochMilliseconds);
      const local = `${toSecond(atMs + offsetMs)}${stretch.offset.slice(0, 6)}`;
      return { atMs, run: { date, utc: `${toSecond(atMs)}Z`, local, timeZone } };
    }
    stretch = end;
  }
}

function clockAt(epochMs: number, timeZone: string): Temporal.ZonedDateTime {
  return new Temporal.ZonedDateTime(BigInt(epochMs) * 1_000_000n, timeZone);
}

function toSecond(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19);
}
