import type { SignalDefinition } from '@temporalio/common';
import { workflowId } from '../workflows/messages.ts';
import { policyError } from './policy-error.ts';
import { requestTimeoutMs } from './request.ts';
import type { Temporal } from './temporal.ts';

/** Tells a policy something. Temporal keeps it until a worker takes it, so none is needed now. */
export async function signal<Arguments extends [unknown?]>(
  temporal: Temporal,
  policy: string,
  definition: SignalDefinition<Arguments>,
  ...args: Arguments
): Promise<void> {
  const { client, connection } = temporal;
  const handle = client.workflow.getHandle(workflowId(policy));
  try {
    await connection.withDeadline(Date.now() + requestTimeoutMs, () => handle.signal(definition, ...args));
  } catch (error) {
    throw await policyError(error, temporal, policy, requestTimeoutMs);
  }
}
