import { proxyActivities, sleep } from '@temporalio/workflow';
import type { CaptureSecretInput } from '../activities/capture-secret.ts';
import type { Activities } from '../activities/index.ts';
import { heartbeatTimeoutMs, retryPolicy, stepTable } from '../workflows/saga/step-table.ts';

const { startToCloseMs, scheduleToCloseMs } = stepTable.captureSecret;

// As workflows/saga/durable-steps.ts sets them, without the summary for the Web UI.
const { captureSecret } = proxyActivities<Pick<Activities, 'captureSecret'>>({
  startToCloseTimeout: startToCloseMs,
  scheduleToCloseTimeout: scheduleToCloseMs ?? undefined,
  heartbeatTimeout: heartbeatTimeoutMs,
  retry: {
    initialInterval: retryPolicy.initialIntervalMs,
    backoffCoefficient: retryPolicy.backoffCoefficient,
    maximumInterval: retryPolicy.maximumIntervalMs,
  },
});

/** What a rotation is measured against: `steps` activities one after the other, each of which does nothing. */
export async function bareWorkflow(target: CaptureSecretInput, steps: number): Promise<void> {
  for (let n = 0; n < steps; n++) await captureSecret(target);
}

/** What a sleeping policy is measured against: it holds nothing. */
export async function bareSleeper(): Promise<void> {
  await sleep('30 days');
}
