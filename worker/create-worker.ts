import type { Context } from '@temporalio/activity';
import {
  type ActivityInterceptorsFactory,
  type NativeConnection,
  type WorkerOptions as TemporalWorkerOptions,
  Worker,
} from '@temporalio/worker';
import { createActivities } from '../activities/index.ts';
import type { Tools } from '../activities/tools.ts';
import { workerDataConverter } from '../codec/data-converter.ts';
import { deploymentName, taskQueue } from '../workflows/messages.ts';
import { activityInterceptor } from './activity-interceptor.ts';
import { type Capacity, capacityOf, memoryHere } from './capacity.ts';
import type { Versioning } from './versioning.ts';
import { type WorkflowBundle, workflowBundle } from './workflow-bundle.ts';

export type WorkerOptions = {
  connection: NativeConnection;
  namespace: string;
  tools: Tools;
  /** Default: `workflowBundle()`. */
  bundle?: WorkflowBundle;
  /** Default null: the worker shows no build, and takes any policy. */
  versioning?: Versioning | null;
  /** Default: what the memory of this process allows. */
  capacity?: Capacity;
  /** Default: `taskQueue`. */
  taskQueue?: string;
  /** Further ones around each step, inside Keyturn's own: a step they hold up still shows that it lives. */
  activityInterceptors?: ActivityInterceptorsFactory[];
};

/** A Temporal worker that runs rotation policies. */
export async function createWorker(options: WorkerOptions): Promise<Worker> {
  return Worker.create({
    ...commonOptions(options),
    taskQueue: options.taskQueue ?? taskQueue,
    workflowBundle: options.bundle ?? (await workflowBundle()),
    activities: createActivities(options.tools),
    ...(options.capacity ?? capacityOf(memoryHere(), null)),
  });
}

/** What the worker of the policies and those of the connections have in common. */
export function commonOptions({ connection, namespace, tools, versioning, activityInterceptors = [] }: WorkerOptions) {
  return {
    connection,
    namespace,
    ...(versioning ? { workerDeploymentOptions: deploymentOptions(versioning) } : {}),
    dataConverter: workerDataConverter(tools.keyring, namespace),
    interceptors: {
      activity: [
        (context: Context) => ({ inbound: activityInterceptor(context) }),
        ...activityInterceptors,
      ] satisfies ActivityInterceptorsFactory[],
    },
    // Longer than one HTTP request may take: a create whose answer is on its way must not become an ambiguous one.
    // Orchestrators must allow a little more (Kubernetes: terminationGracePeriodSeconds 60).
    shutdownGraceTime: '35 seconds',
    shutdownForceTime: '45 seconds',
  } satisfies Partial<TemporalWorkerOptions>;
}

function deploymentOptions({ buildId, behavior }: Versioning) {
  const version = { deploymentName, buildId };
  return { useWorkerVersioning: true as const, version, defaultVersioningBehavior: behavior };
}
