import { setTimeout as sleep } from 'node:timers/promises';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import type { temporal as proto } from '@temporalio/proto';
import { fault } from '../errors/keyturn-error.ts';
import { deploymentName, workflowId } from '../workflows/messages.ts';
import { fewAtOnce } from './few-at-once.ts';
import { listPolicies } from './list-policies.ts';
import { request } from './request.ts';
import type { Temporal } from './temporal.ts';
import { grpc, grpcStatusOf } from './temporal-error.ts';

/**
 * A build of the workflow code that workers have shown, or (`id` null, `state` unversioned) what belongs to none: policies
 * that no worker with a build has taken yet, and workers without one.
 */
export type Build = {
  id: string | null;
  /**
   * `current`: new runs begin on it. `draining`, `drained`: it was current; what Temporal knows of who is left on it runs
   * minutes behind `policies`. `inactive`: it never was.
   */
  state: 'current' | 'ramping' | 'draining' | 'drained' | 'inactive' | 'unversioned';
  /** Since when it is in this state. */
  since: string | null;
  /** How many workers have asked for work within the last minute. */
  workers: number;
  /** Who is on it. */
  policies: string[];
};

/** The run of a policy that goes on now. */
export type RunStanding = { runId: string; build: string | null };

export type MadeCurrent = { id: string; previous: string | null; workers: number };

type Known = {
  current: string | null;
  versions: proto.api.deployment.v1.WorkerDeploymentInfo.IWorkerDeploymentVersionSummary[];
};

/** A worker that polls asks again within this; one that has stopped is listed for minutes. */
const polledWithinMs = 75_000;
/** Temporal knows a build a moment after its first worker has begun to poll. */
const knownWithinMs = 10_000;
const againMs = 250;
/** `temporal.api.enums.v1.TaskQueueType`: the queue on which workers take the turns of workflows. */
const workflowTaskQueue = 1;
const unimplemented = 12;

/**
 * Every build, the newest first, and who is on which. Needs no worker.
 *
 * @throws KEYTURN_VERSIONING_OFF
 */
export async function listBuilds(temporal: Temporal): Promise<Build[]> {
  const { versions } = await knownBuilds(temporal);
  const [workers, policies] = await Promise.all([workersByBuild(temporal), policiesByBuild(temporal)]);
  const of = (id: string | null) => ({ workers: workers.get(id) ?? 0, policies: policies.get(id) ?? [] });
  const builds = versions
    .toSorted((a, b) => (optionalTsToMs(b.createTime) ?? 0) - (optionalTsToMs(a.createTime) ?? 0))
    .map((version): Build => {
      const id = version.deploymentVersion?.buildId ?? '';
      return { id, ...stateOf(version), ...of(id) };
    });
  const rest = of(null);
  if (rest.workers === 0 && rest.policies.length === 0) return builds;
  return [...builds, { id: null, state: 'unversioned', since: null, ...rest }];
}

/** Which build is the current one; null where none is, or this Temporal has no worker versioning. */
export async function currentBuild(temporal: Temporal): Promise<string | null> {
  try {
    return (await knownBuilds(temporal)).current;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'KEYTURN_VERSIONING_OFF') return null;
    throw error;
  }
}

/**
 * Makes a build the current one, a former one as well: from then on new runs begin on it, and runs that are told so
 * (`refresh`) or end their cycle move to it. A build that is not known yet is waited for, for `knownWithinMs`.
 *
 * @throws KEYTURN_BUILD_UNKNOWN, KEYTURN_VERSIONING_OFF
 */
export async function makeCurrent(temporal: Temporal, id: string): Promise<MadeCurrent> {
  const { connection, namespace } = temporal;
  const previous = await untilKnown(temporal, id);
  if (previous !== id) {
    const change = { namespace, deploymentName, buildId: id, identity: 'keyturn', ignoreMissingTaskQueues: true };
    await request(temporal, () => connection.workflowService.setWorkerDeploymentCurrentVersion(change));
  }
  return { id, previous, workers: (await workersByBuild(temporal)).get(id) ?? 0 };
}

/** The current run of each policy; those that have ended have none. */
export async function standingsOf(temporal: Temporal, policies: Iterable<string>): Promise<Map<string, RunStanding>> {
  const standings = new Map<string, RunStanding>();
  await fewAtOnce(new Set(policies), async (policy) => {
    const standing = await standingOf(temporal, policy);
    if (standing !== null) standings.set(policy, standing);
  });
  return standings;
}

/** Answers the build that is the current one. */
async function untilKnown(temporal: Temporal, id: string): Promise<string | null> {
  for (const giveUp = Date.now() + knownWithinMs; ; await sleep(againMs)) {
    const { current, versions } = await knownBuilds(temporal);
    const ids = versions.map(({ deploymentVersion }) => deploymentVersion?.buildId ?? '');
    if (ids.includes(id)) return current;
    if (Date.now() > giveUp) throw fault('KEYTURN_BUILD_UNKNOWN', id, ids);
  }
}

async function knownBuilds(temporal: Temporal): Promise<Known> {
  const { connection, namespace } = temporal;
  return request(temporal, async () => {
    try {
      // Servers of 1.29 that have builds disabled describe them all the same, and say so when they list them.
      await connection.workflowService.listWorkerDeployments({ namespace, pageSize: 1 });
      const { workerDeploymentInfo } = await connection.workflowService.describeWorkerDeployment({
        namespace,
        deploymentName,
      });
      return {
        // Empty on servers that mean none by it.
        current: workerDeploymentInfo?.routingConfig?.currentDeploymentVersion?.buildId || null,
        versions: workerDeploymentInfo?.versionSummaries ?? [],
      };
    } catch (error) {
      const { code, details } = grpcStatusOf(error);
      const isOff = code === unimplemented || /deployment versions are disabled/i.test(details);
      if (isOff) throw fault('KEYTURN_VERSIONING_OFF', temporal.address, namespace);
      // No worker has shown a build so far.
      if (code === grpc.notFound && !/^Namespace /.test(details)) return { current: null, versions: [] };
      throw error;
    }
  });
}

/** `temporal.api.enums.v1.WorkerDeploymentVersionStatus`, and the time that says since when. */
function stateOf(version: Known['versions'][number]): Pick<Build, 'state' | 'since'> {
  const { currentSinceTime, rampingSinceTime, lastDeactivationTime, drainageInfo, createTime } = version;
  const since = (...times: Parameters<typeof optionalTsToMs>[0][]) => {
    const ms = times.map(optionalTsToMs).find((one) => one);
    return ms === undefined ? null : new Date(ms).toISOString();
  };
  switch (version.status) {
    case 2:
      return { state: 'current', since: since(currentSinceTime, createTime) };
    case 3:
      return { state: 'ramping', since: since(rampingSinceTime, createTime) };
    case 4:
      return { state: 'draining', since: since(lastDeactivationTime, drainageInfo?.lastChangedTime, createTime) };
    case 5:
      return { state: 'drained', since: since(drainageInfo?.lastChangedTime, lastDeactivationTime, createTime) };
    default:
      return { state: 'inactive', since: since(createTime) };
  }
}

/** Of null: those that show no build. */
async function workersByBuild(temporal: Temporal): Promise<Map<string | null, number>> {
  const { connection, namespace, taskQueue } = temporal;
  const asked = { namespace, taskQueue: { name: taskQueue }, taskQueueType: workflowTaskQueue };
  const { pollers } = await request(temporal, () => connection.workflowService.describeTaskQueue(asked));
  const identities = new Map<string | null, Set<string>>();
  for (const { identity, lastAccessTime, deploymentOptions } of pollers) {
    if (Date.now() - (optionalTsToMs(lastAccessTime) ?? 0) > polledWithinMs) continue;
    const build = deploymentOptions?.buildId || null;
    identities.set(build, (identities.get(build) ?? new Set()).add(identity ?? ''));
  }
  return new Map([...identities].map(([build, workers]) => [build, workers.size]));
}

async function policiesByBuild(temporal: Temporal): Promise<Map<string | null, string[]>> {
  const names = (await listPolicies(temporal)).map(({ name }) => name);
  const found = new Map<string | null, string[]>();
  for (const [name, { build }] of await standingsOf(temporal, names)) {
    found.set(build, [...(found.get(build) ?? []), name].sort());
  }
  return found;
}

/** Asked of the run itself: Temporal's list runs behind. */
async function standingOf(temporal: Temporal, policy: string): Promise<RunStanding | null> {
  const { connection, namespace } = temporal;
  return request(temporal, async () => {
    try {
      const { workflowExecutionInfo: info } = await connection.workflowService.describeWorkflowExecution({
        namespace,
        execution: { workflowId: workflowId(policy) },
      });
      if (info?.status !== running) return null;
      return { runId: info.execution?.runId ?? '', build: info.versioningInfo?.deploymentVersion?.buildId || null };
    } catch (error) {
      if (grpcStatusOf(error).code === grpc.notFound) return null;
      throw error;
    }
  });
}

/** `temporal.api.enums.v1.WorkflowExecutionStatus` */
const running = 1;
