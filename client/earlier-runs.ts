import type { WorkflowExecutionInfo } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { fault, type KeyturnError } from '../errors/keyturn-error.ts';
import type { LeftBehind } from '../policy/life/status.ts';
import { workflowId } from '../workflows/messages.ts';
import { searchAttributes } from '../workflows/search-attributes.ts';
import { request } from './request.ts';
import type { Temporal } from './temporal.ts';

/**
 * Whether a policy of this name was terminated, or reset (which terminates the run that it resets), as far back as
 * Temporal remembers: then there may be keys that the policy knows nothing of.
 */
export async function wasStopped(temporal: Temporal, policy: string): Promise<boolean> {
  return request(temporal, async () => {
    for await (const _ of runsOf(temporal, policy, ['Terminated'])) return true;
    return false;
  });
}

/** How a policy that is gone ended, where it left something behind and Temporal still remembers it; else null. */
export async function endOf(temporal: Temporal, policy: string): Promise<KeyturnError | null> {
  let looked = 0;
  for await (const run of runsOf(temporal, policy, ['Completed', 'Terminated'])) {
    if (run.status.name === 'TERMINATED') {
      return fault(
        'KEYTURN_POLICY_ENDED',
        policy,
        'its workflow was terminated',
        'whatever it had; apply looks for its keys',
      );
    }
    if (hadPolicy(run)) {
      const handle = temporal.client.workflow.getHandle(run.workflowId, run.runId);
      const left = (await handle.result()) as LeftBehind | null;
      return left && fault('KEYTURN_POLICY_ENDED', policy, 'detached', leftInWords(left).join(', ') || 'nothing');
    }
    // Its first apply was refused: it never had a policy, and says nothing of the one before it.
    if (++looked === mostRuns) break;
  }
  return null;
}

/** A run that ends shows how its policy stands; without one it still says what `apply` started it with. */
function hadPolicy({ typedSearchAttributes: shown }: Pick<WorkflowExecutionInfo, 'typedSearchAttributes'>): boolean {
  const state = shown.get(searchAttributes.state);
  return state === 'ending' || state === 'needs-attention';
}

/** So many refused applies are looked past. */
const mostRuns = 20;

/**
 * Runs that ended in one of these ways, newest first. The newest of all is asked for by itself: what Temporal lists is a
 * moment behind.
 */
async function* runsOf({ client }: Temporal, policy: string, ends: ('Completed' | 'Terminated')[]) {
  const id = workflowId(policy);
  const newest = await client.workflow
    .getHandle(id)
    .describe()
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    });
  if (newest === null) return;
  if (ends.some((end) => end.toUpperCase() === newest.status.name)) yield newest;
  const query = `WorkflowId = '${id}' AND ExecutionStatus IN (${ends.map((end) => `'${end}'`).join(', ')})`;
  for await (const run of client.workflow.list({ query, pageSize: mostRuns })) {
    if (run.runId !== newest.runId) yield run;
  }
}

/** What a detached policy leaves behind, one thing a line. */
export function leftInWords({ keys, secrets, markers }: LeftBehind): string[] {
  return [
    ...keys.map(({ generation, hash, state }) => `key #${generation} ${state} (hash ${hash})`),
    ...secrets.map(({ store, secret, field }) => `secret ${secret}${field ? ` (field ${field})` : ''} in ${store}`),
    ...markers.map((marker) => `perhaps a key named ${marker}`),
  ];
}
