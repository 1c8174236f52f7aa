import { setTimeout as sleep } from 'node:timers/promises';
import type { NativeConnection, Worker } from '@temporalio/worker';

const againMs = 50;
/** `temporal.api.enums.v1.TaskQueueType`: the queue on which workers take the turns of workflows. */
const workflowTaskQueue = 1;
/** A cluster that has just started answers "Not enough hosts to serve the request" for some seconds. */
const notYet = { pollers: [] };

/** Resolves when Temporal counts the worker among those that poll: a client that asks before is told there is none. */
export async function untilPolling(connection: NativeConnection, worker: Worker): Promise<void> {
  const { namespace, taskQueue, identity } = worker.options;
  for (; worker.getState() === 'RUNNING'; await sleep(againMs)) {
    const asked = { namespace, taskQueue: { name: taskQueue }, taskQueueType: workflowTaskQueue };
    const { pollers } = await connection.workflowService.describeTaskQueue(asked).catch(() => notYet);
    if (pollers.some((poller) => poller.identity === identity)) return;
  }
}
