import { fault, type KeyturnError } from '../errors/keyturn-error.ts';
import type { LeftBehind } from '../policy/life/status.ts';
import { workflowId } from '../workflows/messages.ts';
import { request } from './request.ts';
import type { Temporal } from './temporal.ts';

/**
 * Whether a policy of this name was terminated, or reset (which terminates the run that it resets), as far back as
 * Temporal remembers: then there may be keys that the policy knows nothing of.
 */
export async function wasStopped(temporal: Temporal, policy: string): Promise<boolean> {
  const query = `WorkflowId = '${workflowId(policy)}' AND ExecutionStatus = 'Terminated'`;
  return request(temporal, async () => {
    for await (const _ of temporal.client.workflow.list({ query, pageSize: 1 })) return true;
    return false;
  });
}

/** How a policy that is gone ended, where it left something behind and Temporal still remembers it; else null. */
export async function endOf({ client }: Temporal, policy: string): Promise<KeyturnError | null> {
  const handle = client.workflow.getHandle(workflowId(policy));
  const { status, runId } = await handle.describe();
  if (status.name === 'TERMINATED') {
    return fault(
      'KEYTURN_POLICY_ENDED',
      policy,
      'its workflow was terminated',
      'whatever it had; apply looks for its keys',
    );
  }
  if (status.name !== 'COMPLETED') return null;
  const left: LeftBehind | null = await client.workflow.getHandle(workflowId(policy), runId).result();
  return left && fault('KEYTURN_POLICY_ENDED', policy, 'detached', leftInWords(left).join(', ') || 'nothing');
}

/** What a detached policy leaves behind, one thing a line. */
export function leftInWords({ keys, secrets, markers }: LeftBehind): string[] {
  return [
    ...keys.map(({ generation, hash, state }) => `key #${generation} ${state} (hash ${hash})`),
    ...secrets.map(({ store, secret }) => `secret ${secret} in ${store}`),
    ...markers.map((marker) => `perhaps a key named ${marker}`),
  ];
}
