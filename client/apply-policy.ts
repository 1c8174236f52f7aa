import { WithStartWorkflowOperation } from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import { secretInWords } from '../policy/declared/place.ts';
import type { Policy } from '../policy/declared/policy.ts';
import { newPolicyState } from '../policy/life/state.ts';
import { formatDuration } from '../policy/time/duration.ts';
import * as messages from '../workflows/messages.ts';
import { searchAttributes } from '../workflows/search-attributes.ts';
import { updateWithStart } from './ask.ts';
import { wasStopped } from './earlier-runs.ts';
import type { Temporal } from './temporal.ts';

/** Creates the policy or updates it, in one request: two at the same moment make one policy. */
export async function applyPolicy(
  temporal: Temporal,
  policy: Policy,
  { newKey = false, removed = 'leave' }: { newKey?: boolean; removed?: 'leave' | 'clean' } = {},
): Promise<messages.Applied> {
  const options = { newKey, removed, lookForKeys: await wasStopped(temporal, policy.name) };
  const applied = await updateWithStart(temporal, policy.name, messages.applyPolicy, {
    arguments: [policy, options],
    start: () =>
      new WithStartWorkflowOperation<Workflow>(messages.workflowType, {
        workflowId: messages.workflowId(policy.name),
        taskQueue: temporal.taskQueue,
        args: [newPolicyState(policy.name)],
        workflowIdConflictPolicy: 'USE_EXISTING',
        // Refused where they are not registered: better here than in a workflow that can never go on.
        typedSearchAttributes: [
          { key: searchAttributes.state, value: 'rotating' },
          { key: searchAttributes.connection, value: policy.connection },
        ],
        staticSummary: summaryOf(policy).slice(0, 250),
        staticDetails: detailsOf(policy),
      }),
  });
  // A worker from before there were warnings answers none.
  const warnings = applied.warnings ?? [];
  return { ...applied, warnings, changed: applied.changed.map(asInFile) };
}

/** The field as the policy file calls it: there, lengths of time are text and their names say no unit. */
function asInFile(field: string): string {
  return field.replace(/Ms$/, '');
}

/** What the Web UI shows beside the workflow: the policy as it was made. The current one is in its current details. */
function summaryOf({ key, secret }: Policy): string {
  return `rotates OpenRouter key ${key.name}, secret ${secretInWords(secret)}`;
}

function detailsOf({ name, connection, schedule, graceMs, quarantineMs }: Policy): string {
  const { every, at, timeZone } = schedule;
  return [
    `Keyturn policy **${name}** over connection ${connection}, as it was created.`,
    `Every ${every === 1 ? 'day' : `${every} days`} at ${at} ${timeZone}. ` +
      `A former key works for ${formatDuration(graceMs)} more, and is deleted ${formatDuration(quarantineMs)} after that.`,
  ].join('\n\n');
}
