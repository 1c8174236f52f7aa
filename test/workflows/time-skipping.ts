import '../quiet-runtime.ts';
import { WithStartWorkflowOperation } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import { inject } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import { setupNamespace } from '../../engine/setup.ts';
import type { Policy } from '../../policy/declared/policy.ts';
import { newPolicyState } from '../../policy/life/state.ts';
import { activityInterceptor } from '../../worker/activity-interceptor.ts';
import { workflowBundle } from '../../worker/workflow-bundle.ts';
import { applyPolicy, connectionQueue, taskQueue, workflowId } from '../../workflows/messages.ts';
import { searchAttributeTypes } from '../../workflows/search-attributes.ts';

/** The SDK gives the server five seconds to listen, which on a busy machine a JVM does not always keep: asked thrice. */
async function startServer(tries = 3): Promise<TestWorkflowEnvironment> {
  const server = { executable: { type: 'existing-path' as const, path: inject('testServer') } };
  try {
    return await TestWorkflowEnvironment.createTimeSkipping({ server });
  } catch (error) {
    if (tries === 1) throw error;
    return startServer(tries - 1);
  }
}

/** Temporal's time-skipping server with a worker: a year passes in a minute. */
export async function startTimeSkipping(activities: Activities) {
  const env = await startServer();
  await setupNamespace(env.connection, 'default', { searchAttributes: searchAttributeTypes });
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    connection: env.nativeConnection,
    activities,
    interceptors: { activity: [(context) => ({ inbound: activityInterceptor(context) })] },
  };
  const workers = [
    await Worker.create({ ...common, taskQueue, workflowBundle: await workflowBundle() }),
    await Worker.create({ ...common, taskQueue: connectionQueue(taskQueue, 'main') }),
  ];
  const running = workers.map((worker) => worker.run());
  return {
    env,
    async apply(policy: Policy) {
      const startWorkflowOperation = new WithStartWorkflowOperation('rotationPolicy', {
        workflowId: workflowId(policy.name),
        taskQueue,
        args: [newPolicyState(policy.name)],
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
      await env.client.workflow.executeUpdateWithStart(applyPolicy, { startWorkflowOperation, args: [policy, {}] });
      return env.client.workflow.getHandle(workflowId(policy.name));
    },
    async close() {
      for (const worker of workers) worker.shutdown();
      await Promise.all(running);
      await env.teardown();
    },
  };
}
