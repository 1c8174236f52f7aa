import { createHash } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { type Client, WithStartWorkflowOperation, WorkflowNotFoundError } from '@temporalio/client';
import type { Leases } from '../activities/tools.ts';
import type { Lease } from '../stores/lease.ts';
import { workflowId } from '../workflows/messages.ts';
import { claim, type placeLease, placeLeaseId, placeLeaseType, release } from '../workflows/place-lease.ts';

/** Leases of places, each a workflow of its own: what all workers share is Temporal. */
export const temporalLeases: Leases = {
  async claim(lease, policy) {
    const owner = await ask(lease, policy, null);
    if (owner === null || (await isAlive(owner))) return owner;
    return ask(lease, policy, owner);
  },

  async release({ address, field }, policy) {
    const handle = client().workflow.getHandle(idOf(address));
    await handle.signal(release, { policy, field }).catch((error) => {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    });
  },
};

function ask({ address, field }: Lease, policy: string, over: string | null): Promise<string | null> {
  return client().workflow.executeUpdateWithStart(claim, {
    args: [{ policy, field, over }],
    startWorkflowOperation: new WithStartWorkflowOperation<typeof placeLease>(placeLeaseType, {
      workflowId: idOf(address),
      // That of the policy, whose steps run on it.
      taskQueue: Context.current().info.taskQueue,
      args: [],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: `who writes to ${address}`.slice(0, 250),
    }),
  });
}

/** A policy that ended, or was terminated, has no places. */
async function isAlive(policy: string): Promise<boolean> {
  try {
    const { status } = await client().workflow.getHandle(workflowId(policy)).describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

function idOf(address: string): string {
  return placeLeaseId(createHash('sha256').update(address).digest('hex').slice(0, 40));
}

function client(): Client {
  return Context.current().client;
}
