import type { ListedPolicy } from '../../client/list-policies.ts';
import { utcStamp } from './clock-time.ts';
import { table } from './layout.ts';
import { inTime } from './relative-time.ts';

/** One line a policy, under a line of headings. */
export function listText(policies: readonly ListedPolicy[], now: number): string {
  const rows = policies.map(({ name, state, connection, nextRotation, lastOutcome }) => [
    name,
    state,
    nextRotation === null ? '–' : `${utcStamp(nextRotation).slice(0, 16)} (${inTime(nextRotation, now)})`,
    connection ?? '–',
    lastOutcome ?? '–',
  ]);
  return table([['POLICY', 'STATE', 'NEXT (UTC)', 'CONNECTION', 'LAST'], ...rows]).join('\n');
}
