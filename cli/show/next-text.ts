import type { Upcoming } from '../../client/upcoming.ts';
import { dateAndTime, localWithOffset } from './clock-time.ts';
import { table } from './layout.ts';

/** Local time with its offset and UTC side by side; each policy under its name where there are several. */
export function nextText(answers: readonly (Upcoming & { name: string })[]): string {
  return answers
    .map(({ name, runs, because }) => {
      const [first] = runs;
      if (first === undefined) return `${name}: no scheduled rotation (${because})`;
      const rows = runs.map(({ local, utc }) => [localWithOffset(local), dateAndTime(utc)]);
      const lines = table([[first.timeZone, 'UTC'], ...rows], 3);
      return [...(answers.length > 1 ? [name] : []), ...lines].join('\n');
    })
    .join('\n\n');
}
