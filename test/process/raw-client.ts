import { Client, Connection } from '@temporalio/client';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { connectTemporal } from '../../client/temporal.ts';
import { workflowId } from '../../workflows/messages.ts';
import type { World } from './own-world.ts';

/** Temporal's own clients, past everything that Keyturn's checks: `sealed` encrypts as Keyturn does, `plain` does not. */
export async function rawClients({ keyturn, keyring }: Pick<World, 'keyturn' | 'keyring'>) {
  const { client: sealed, connection } = await connectTemporal({ env: {}, address: keyturn.address, keyring });
  const plainConnection = await Connection.connect({ address: keyturn.address });
  return {
    sealed,
    plain: new Client({ connection: plainConnection }),
    close: async () => {
      await connection.close();
      await plainConnection.close();
    },
  };
}

/**
 * Why workflow tasks of a policy failed, in all of its runs; none may. `UNHANDLED_COMMAND` is no failure of ours: a
 * message came while a run was ending, and Temporal has it ended once more.
 */
export async function failedTasks(client: Client, policy: string): Promise<string[]> {
  const failed: string[] = [];
  const query = `WorkflowId = '${workflowId(policy)}'`;
  for await (const { history } of client.workflow.list({ query }).intoHistories()) {
    for (const { workflowTaskFailedEventAttributes: failure } of (history as History).events ?? []) {
      if (failure && failure.cause !== unhandledCommand) failed.push(failure.failure?.message ?? String(failure.cause));
    }
  }
  return failed;
}

/** `temporal.api.enums.v1.WorkflowTaskFailedCause` */
const unhandledCommand = 1;

/** How many events the run of today has. */
export async function historyLength(client: Client, policy: string): Promise<number> {
  return (await client.workflow.getHandle(workflowId(policy)).describe()).historyLength;
}
