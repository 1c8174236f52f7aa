import { setTimeout as sleep } from 'node:timers/promises';
import {
  QueryRejectedError,
  type WithStartWorkflowOperation,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import type { QueryDefinition, UpdateDefinition, Workflow } from '@temporalio/common';
import { fault } from '../errors/keyturn-error.ts';
import { workflowId } from '../workflows/messages.ts';
import { policyError } from './policy-error.ts';
import type { Temporal } from './temporal.ts';
import { grpc, grpcStatusOf, isLate } from './temporal-error.ts';
import { requireWorker } from './worker-presence.ts';

/** Between two tries of a question that came while a policy's workflow was going over to its next run (≤ 1 s). */
const handOverPauseMs = 200;
/** `temporal.api.enums.v1.WorkflowExecutionStatus` */
const continuedAsNew = 6;

/**
 * Asks a policy's workflow, which a worker answers.
 *
 * @throws KEYTURN_NO_WORKER at once, KEYTURN_WORKER_SILENT after `answerTimeoutMs`, KEYTURN_POLICY_UNKNOWN
 */
export async function query<Answer>(
  temporal: Temporal,
  policy: string,
  definition: QueryDefinition<Answer, []>,
): Promise<Answer> {
  const handle = temporal.client.workflow.getHandle(workflowId(policy));
  return answered(temporal, policy, () => handle.query(definition));
}

/** Asks a policy's workflow to do something; `id` makes a repeated request the same one. Errors as `query`. */
export async function update<Answer, Request>(
  temporal: Temporal,
  policy: string,
  definition: UpdateDefinition<Answer, [Request]>,
  request: { id: string; argument: Request },
): Promise<Answer> {
  const handle = temporal.client.workflow.getHandle(workflowId(policy));
  return answered(temporal, policy, () =>
    handle.executeUpdate(definition, { updateId: request.id, args: [request.argument] }),
  );
}

/** As `update`, and starts the workflow where there is none. */
export async function updateWithStart<Answer, Arguments extends unknown[]>(
  temporal: Temporal,
  policy: string,
  definition: UpdateDefinition<Answer, Arguments>,
  request: { arguments: Arguments; start: () => WithStartWorkflowOperation<Workflow> },
): Promise<Answer> {
  return answered(temporal, policy, () =>
    temporal.client.workflow.executeUpdateWithStart(definition, {
      args: request.arguments,
      // One operation a call: it cannot be used twice.
      startWorkflowOperation: request.start(),
    }),
  );
}

async function answered<Answer>(temporal: Temporal, policy: string, ask: () => Promise<Answer>): Promise<Answer> {
  const { connection, answerTimeoutMs } = temporal;
  await requireWorker(temporal);
  const deadline = Date.now() + answerTimeoutMs;
  for (;;) {
    try {
      return await connection.withDeadline(deadline, ask);
    } catch (error) {
      if (isHandingOver(error) && Date.now() < deadline) await sleep(handOverPauseMs);
      else throw await askError(error, temporal, policy);
    }
  }
}

/**
 * While a workflow goes over to its next run, a question may still reach the one that has just ended, and for a moment
 * the new one has nothing yet that could answer.
 */
function isHandingOver(error: unknown): boolean {
  if (error instanceof QueryRejectedError) return error.status === continuedAsNew;
  return grpcStatusOf(error).code === grpc.failedPrecondition;
}

/** What went wrong with a request to one policy: it is unknown, nobody answered, or one of the errors of any request. */
async function askError(error: unknown, temporal: Temporal, policy: string): Promise<Error> {
  const { code } = grpcStatusOf(error);
  const nobodyAnswered = error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isLate(code);
  // A workflow whose first turn nobody takes says "not yet" until the time is up.
  if (!nobodyAnswered && !isHandingOver(error)) return policyError(error, temporal, policy, temporal.answerTimeoutMs);
  // Temporal answers, or this throws.
  await requireWorker(temporal);
  return fault('KEYTURN_WORKER_SILENT', temporal.taskQueue, Math.round(temporal.answerTimeoutMs / 1000));
}
