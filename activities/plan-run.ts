import type { Schedule } from '../policy/declared/policy.ts';
import type { Anchor, Plan } from '../policy/life/state.ts';
import { localDate, nextRun, type Run, runOn } from '../policy/time/schedule.ts';

export type PlanRunInput = { schedule: Schedule; anchor: Anchor; after: string };

/**
 * The first scheduled run after `after`. An activity, so that what it says is in history and the workflow does not
 * depend on the time zone data of the process that replays it.
 */
export async function planRun({ schedule, anchor, after }: PlanRunInput): Promise<Plan> {
  const anchorDate = 'date' in anchor ? anchor.date : localDate(schedule.timeZone, anchor.at);
  return { anchorDate, run: nextRun(schedule, anchorDate, after) };
}

/** The same run again, by today's time zone rules: they may have changed while the policy slept. */
export async function confirmRun({ schedule, date }: { schedule: Schedule; date: string }): Promise<Run> {
  return runOn(schedule, date);
}
