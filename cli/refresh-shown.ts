import { patienceMs, refreshPolicies } from '../client/refresh-policies.ts';
import type { Temporal } from '../client/temporal.ts';
import type { Output } from './output-option.ts';
import { note } from './print.ts';
import { transientLine } from './transient-line.ts';

type Refresh = Pick<Parameters<typeof refreshPolicies>[1], 'policies' | 'stillOf'>;

/** `refreshPolicies`; who waits for it is told for what. */
export async function refreshShown(
  temporal: Temporal,
  { policies, stillOf }: Refresh,
  output: Output['output'],
): Promise<string[]> {
  const isTerminal = process.stdout.isTTY === true;
  const line = transientLine(output === 'text' && isTerminal, '');
  let left = policies.length;
  const patience = `up to ${patienceMs / 1000} s for each next one`;
  if (output === 'text' && !isTerminal) note(`Waiting until policies have moved on, ${patience} …`);
  line.show(() => `… ${policies.length - left} of ${policies.length} policies have moved on; ${patience}`);
  try {
    return await refreshPolicies(temporal, { policies, stillOf, onLook: (still) => (left = still) });
  } finally {
    line.clear();
  }
}
