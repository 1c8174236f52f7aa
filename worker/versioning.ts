import { setTimeout as sleep } from 'node:timers/promises';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { grpcCodeOf, lasting } from './grpc-code.ts';

/**
 * `auto`: several builds side by side, the first that ever ran is the current one, and a person makes another current.
 * `single`: one build at a time; whichever starts last is the current one, and every policy follows it.
 * `off`: any worker takes any policy.
 */
export type VersioningSetting = 'auto' | 'single' | 'off';

/** The build that a worker shows itself as, and whether a policy's run stays with its build to its end. */
export type Versioning = { buildId: string; behavior: 'PINNED' | 'AUTO_UPGRADE' };

/** The first servers on which a worker can show its build, and on which a pinned run moves on at continue-as-new. */
const first = { builds: [1, 29], upgradeOnContinueAsNew: [1, 30] } as const;

const againMs = 500;

/**
 * How this worker takes part in worker versioning; null: not at all, because of its setting or because this Temporal has
 * it not, or not for this namespace.
 */
export async function versioningOn(
  { workflowService }: Pick<NativeConnection, 'workflowService'>,
  { namespace, setting, buildId }: { namespace: string; setting: VersioningSetting; buildId: string },
  log: Logger,
  stopped: AbortSignal,
): Promise<Versioning | null> {
  if (setting === 'off') return null;
  const { serverVersion } = await workflowService.getSystemInfo({});
  const why = isSince(serverVersion, first.builds)
    ? await refusal(workflowService, namespace, stopped)
    : 'its server is too old';
  if (why !== null) {
    log.info({ serverVersion, why }, 'no worker versioning in this namespace: any worker takes any policy');
    return null;
  }
  return { buildId, behavior: behaviorOn(serverVersion, setting) };
}

/**
 * Where a pinned run cannot move on, it would stay with its build for ever: there each run goes over to the current build
 * with its next turn, and so it does where there is one build at a time.
 */
export function behaviorOn(serverVersion: string, setting: 'auto' | 'single'): Versioning['behavior'] {
  return setting === 'auto' && isSince(serverVersion, first.upgradeOnContinueAsNew) ? 'PINNED' : 'AUTO_UPGRADE';
}

function isSince(version: string, [major, minor]: readonly [number, number]): boolean {
  const [, itsMajor = 0, itsMinor = 0] = /^v?(\d+)\.(\d+)/.exec(version)?.map(Number) ?? [];
  return itsMajor > major || (itsMajor === major && itsMinor >= minor);
}

/** Why the namespace has no worker deployments; null where it may have some. */
async function refusal(
  workflowService: NativeConnection['workflowService'],
  namespace: string,
  stopped: AbortSignal,
): Promise<string | null> {
  for (; ; await sleep(againMs, undefined, { signal: stopped })) {
    try {
      // Not `describe`: 1.29 answers that one where it has them disabled, too.
      await workflowService.listWorkerDeployments({ namespace, pageSize: 1 });
      return null;
    } catch (error) {
      const code = grpcCodeOf(error);
      // A server that is just starting must not be taken for one without builds: its policies would get no worker.
      if (code !== undefined && lasting.includes(code)) return (error as Error).message;
    }
  }
}
