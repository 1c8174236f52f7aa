import { setTimeout as sleep } from 'node:timers/promises';
import type { Keyturn } from '../../client/keyturn.ts';
import { KeyturnError } from '../../errors/keyturn-error.ts';
import type { Policy } from '../../policy/declared/policy.ts';
import type { RotationRecord } from '../../policy/life/state.ts';
import { isRotation, type PolicyStatus } from '../../policy/life/status.ts';
import { aPolicy, secretIn } from '../policy/life/states.ts';
import { secretName } from './agreement.ts';

export function policyNamed(name: string, changes: Partial<Policy> = {}): Policy {
  return aPolicy({ name, secret: secretIn(secretName(name)), ...changes });
}

/** Applies the policy and waits until its first key is published. */
export async function issueFirstKey(keyturn: Keyturn, policy: Policy): Promise<void> {
  const { rotationId } = await keyturn.applyRead(policy);
  const record = await endOfRotation(keyturn, policy.name, String(rotationId));
  if (record.event !== 'published') throw new Error(`the first key of ${policy.name}: ${record.fault?.message}`);
}

/** How the rotation ended; also over the death of a worker. */
export async function endOfRotation(keyturn: Keyturn, policy: string, rotationId: string): Promise<RotationRecord> {
  let ended: RotationRecord | undefined;
  await eventually(async () => {
    ended = (await keyturn.history(policy)).filter(isRotation).find((one) => one.rotationId === rotationId);
    return ended !== undefined;
  });
  return ended as RotationRecord;
}

export async function statusWhen(
  keyturn: Keyturn,
  policy: string,
  is: (status: PolicyStatus) => boolean,
): Promise<PolicyStatus> {
  let status: PolicyStatus | undefined;
  await eventually(async () => {
    status = await keyturn.status(policy);
    return is(status);
  });
  return status as PolicyStatus;
}

/** Asks until it is so; the test's own time limit ends it. While no worker answers, it is not so yet. */
export async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  for (;;) {
    try {
      if (await isSo()) return;
    } catch (error) {
      if (!(error instanceof KeyturnError && error.code === 'KEYTURN_WORKER_SILENT')) throw error;
    }
    await sleep(250);
  }
}
