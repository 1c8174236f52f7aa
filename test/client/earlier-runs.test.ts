import { WorkflowNotFoundError } from '@temporalio/common';
import { expect, test } from 'vitest';
import { wasStopped } from '../../client/earlier-runs.ts';
import type { Temporal } from '../../client/temporal.ts';

/** A Temporal whose list of runs is behind: it knows of none yet. */
function temporalWhere(newest: 'RUNNING' | 'TERMINATED' | null): Temporal {
  const describe = async () => {
    if (newest === null) throw new WorkflowNotFoundError('not found', 'rotation-policy/x', undefined);
    return { runId: '1', status: { name: newest } };
  };
  const workflow = { getHandle: () => ({ describe }), async *list() {} };
  const connection = { withDeadline: <Result>(_: number, work: () => Result) => work() };
  return { client: { workflow }, connection } as unknown as Temporal;
}

test('a policy that was terminated a moment ago is known to be, though no list shows it yet', async () => {
  expect(await wasStopped(temporalWhere('TERMINATED'), 'x')).toBe(true);
  expect(await wasStopped(temporalWhere('RUNNING'), 'x')).toBe(false);
  expect(await wasStopped(temporalWhere(null), 'x')).toBe(false);
});
