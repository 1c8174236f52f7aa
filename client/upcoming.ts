import { setTimeout as sleep } from 'node:timers/promises';
import type { PolicyStatus } from '../policy/life/status.ts';
import { type Run, upcomingRuns } from '../policy/time/schedule.ts';
import * as messages from '../workflows/messages.ts';
import { query } from './ask.ts';
import type { Temporal } from './temporal.ts';

/** The next runs of a policy, as if each of them took place. `because`: why there are none, where there are none. */
export type Upcoming = { runs: Run[]; because: string | null };

/** The policy says which run is next; those after it are counted here, by this machine's time zone data. */
export async function upcoming(temporal: Temporal, policy: string, count: number): Promise<Upcoming> {
  for (let tries = 1; ; tries++) {
    const { schedule, next } = await query(temporal, policy, messages.next);
    if (schedule !== null && next !== null) {
      return { runs: [next, ...upcomingRuns(schedule, next.date, next.utc, count - 1)], because: null };
    }
    const status = await query(temporal, policy, messages.status);
    // Right after a resume or a change of the schedule the next run is being planned.
    if (!rotatesBySchedule(status) || tries === planningTries) return { runs: [], because: whyNoRun(status) };
    await sleep(planningMs);
  }
}

/** Planning takes milliseconds; a worker that is busy may take longer. */
const planningMs = 100;
const planningTries = 30;

function rotatesBySchedule({ paused, policy, state }: PolicyStatus): boolean {
  return policy?.autoRotate === true && paused === null && state !== 'ending' && state !== 'new';
}

/** Why no rotation will start by itself. */
export function whyNoRun({ paused, policy, state }: PolicyStatus): string {
  if (state === 'ending') return 'it is being deleted';
  if (paused !== null) return 'it is paused';
  if (policy?.autoRotate === false) return 'autoRotate is off, it rotates on request only';
  return 'the schedule begins with the first key';
}
