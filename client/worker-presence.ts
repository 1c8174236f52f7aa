import { fault } from '../errors/keyturn-error.ts';
import { request } from './request.ts';
import type { Temporal } from './temporal.ts';

/** `temporal.api.enums.v1.TaskQueueType`: the queue on which workers take the turns of workflows. */
const workflowTaskQueue = 1;

/**
 * Fails at once where no worker polls the task queue. One that was killed counts for five more minutes: Temporal cannot
 * know, so every question has a time limit as well.
 *
 * @throws KEYTURN_NO_WORKER
 */
export async function requireWorker(temporal: Temporal): Promise<void> {
  const { connection, namespace, taskQueue } = temporal;
  const { pollers } = await request(temporal, () =>
    connection.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: taskQueue },
      taskQueueType: workflowTaskQueue,
    }),
  );
  if (pollers.length === 0) throw fault('KEYTURN_NO_WORKER', taskQueue);
}
