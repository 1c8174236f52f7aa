import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  type ActivityInterceptorsFactory,
  bundleWorkflowCode,
  type NativeConnection,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { createActivities } from '../activities/index.ts';
import type { Tools } from '../activities/tools.ts';
import { failureConverterPath, payloadConverterPath, workerDataConverter } from '../codec/data-converter.ts';
import { deploymentName, taskQueue } from '../workflows/messages.ts';
import { activityInterceptor } from './activity-interceptor.ts';
import type { Versioning } from './versioning.ts';

export type WorkerOptions = {
  connection: NativeConnection;
  namespace: string;
  tools: Tools;
  /** Made by `bundleWorkflows`; made anew where it is not given. */
  bundle?: WorkflowBundleWithSourceMap;
  /** Default null: the worker shows no build, and takes any policy. */
  versioning?: Versioning | null;
  /** Default: `taskQueue`. */
  taskQueue?: string;
  /** Further ones around each step, inside Keyturn's own: a step they hold up still shows that it lives. */
  activityInterceptors?: ActivityInterceptorsFactory[];
};

/**
 * A Temporal worker that runs rotation policies. The sizes are set for one process of about 1 GB; the SDK's defaults
 * depend on the machine.
 */
export async function createWorker(options: WorkerOptions): Promise<Worker> {
  return Worker.create({
    connection: options.connection,
    namespace: options.namespace,
    taskQueue: options.taskQueue ?? taskQueue,
    workflowBundle: options.bundle ?? (await bundleWorkflows()),
    activities: createActivities(options.tools),
    ...(options.versioning ? { workerDeploymentOptions: deploymentOptions(options.versioning) } : {}),
    dataConverter: workerDataConverter(options.tools.keyring, options.namespace),
    interceptors: {
      activity: [(context) => ({ inbound: activityInterceptor(context) }), ...(options.activityInterceptors ?? [])],
    },
    // A cached sleeping policy costs about 75 KB of heap (docs/benchmarks.md): 2,000 of them stay under 150 MB. More
    // policies than that are fine; they are replayed from a short history when they wake.
    maxCachedWorkflows: 2_000,
    // A step waits for its turn most of its time, in one of two lines of a connection, sixty long at most
    // (openrouter/pace.ts), and what takes milliseconds needs a place beside those that wait.
    maxConcurrentActivityTaskExecutions: 200,
    maxConcurrentWorkflowTaskExecutions: 40,
    // Longer than one HTTP request may take: a create whose answer is on its way must not become an ambiguous one.
    // Orchestrators must allow a little more (Kubernetes: terminationGracePeriodSeconds 60).
    shutdownGraceTime: '35 seconds',
    shutdownForceTime: '45 seconds',
  });
}

function deploymentOptions({ buildId, behavior }: Versioning) {
  const version = { deploymentName, buildId };
  return { useWorkerVersioning: true as const, version, defaultVersioningBehavior: behavior };
}

/**
 * The workflow code, bundled once; takes about a second. `workflowsPath`: default ours, from the sources or from the
 * built package; a benchmark adds its own workflows.
 *
 * The modules are loaded once a worker and not once a policy: half of the heap of a policy that sleeps. Policies then
 * share what stands at the top of a module, so workflow code keeps nothing there that changes.
 */
export async function bundleWorkflows(workflowsPath = workflowFile('index')): Promise<WorkflowBundleWithSourceMap> {
  const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, log() {} };
  const interceptors = workflowFile('reserved-names');
  return bundleWorkflowCode({
    workflowsPath,
    workflowInterceptorModules: [interceptors],
    preloadModules: [workflowsPath, interceptors],
    failureConverterPath: failureConverterPath(),
    payloadConverterPath: payloadConverterPath(),
    logger: silent,
    // Modules are named by their whole path, also those outside of the folder that the process was started in.
    webpackConfigHook: (config) => ({ ...config, context: '/' }),
  });
}

function workflowFile(name: string): string {
  const source = fileURLToPath(new URL(`../workflows/${name}.ts`, import.meta.url));
  return existsSync(source) ? source : source.replace(/\.ts$/, '.js');
}
