import { setTimeout as sleep } from 'node:timers/promises';
import type { NativeConnection, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { deploymentName } from '../workflows/messages.ts';
import { grpcCodeOf, permissionDenied } from './grpc-code.ts';

const againMs = 100;

type Lead = {
  buildId: string;
  /** The current build of others is replaced. */
  always: boolean;
};

/**
 * Makes the worker's build the current one where none is yet, or `always`: while there is none, Temporal hands policies to
 * no worker that shows its build, and a first worker would wait for ever. Where another build is current, nobody is moved:
 * that is a person's decision (`keyturn build current`). Runs that began before there were builds go over to it, too.
 *
 * Resolves when that is settled; a worker that may not do so works on, and its log says what to do.
 */
export async function takeLead(
  { workflowService }: Pick<NativeConnection, 'workflowService'>,
  worker: Pick<Worker, 'getState' | 'options'>,
  { buildId, always }: Lead,
  log: Logger,
): Promise<void> {
  const { namespace, identity } = worker.options;
  const ofBuilds = { namespace, deploymentName };
  for (; worker.getState() === 'RUNNING'; await sleep(againMs)) {
    try {
      const { workerDeploymentInfo: known, conflictToken } = await workflowService.describeWorkerDeployment(ofBuilds);
      const current = known?.routingConfig?.currentDeploymentVersion?.buildId;
      if (current === buildId) return;
      if (current && !always) {
        log.warn({ buildId, current }, `another build is current; policies move to this one by: ${command(buildId)}`);
        return;
      }
      // Temporal knows a build a moment after its worker has begun to poll.
      if (!known?.versionSummaries?.some(({ deploymentVersion }) => deploymentVersion?.buildId === buildId)) continue;
      // The token keeps two builds that start together from taking turns: the second one is told that it comes too late.
      const change = { ...ofBuilds, buildId, identity, conflictToken, ignoreMissingTaskQueues: true };
      await workflowService.setWorkerDeploymentCurrentVersion(change);
      log.info({ buildId }, 'this build is the current one');
      return;
    } catch (error) {
      if (grpcCodeOf(error) === permissionDenied) {
        log.error(
          { buildId },
          `this worker may not make its build the current one. Somebody has to: ${command(buildId)}`,
        );
        return;
      }
      // Not there yet, changed by somebody else, or a server that restarts: asked again.
    }
  }
}

function command(buildId: string): string {
  return `keyturn build current ${buildId}`;
}
