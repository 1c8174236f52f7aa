import { QueryRejectedError } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { fault, type KeyturnError } from '../errors/keyturn-error.ts';
import { endOf } from './earlier-runs.ts';
import { listPolicies } from './list-policies.ts';
import type { Temporal } from './temporal.ts';
import { temporalError } from './temporal-error.ts';

/** The error of a request that went to one policy: there may be no such policy (any more). */
export async function policyError(
  error: unknown,
  temporal: Temporal,
  policy: string,
  waitedMs: number,
): Promise<KeyturnError> {
  const isGone = error instanceof WorkflowNotFoundError || error instanceof QueryRejectedError;
  if (!isGone) return temporalError(error, { ...temporal, waitedMs });
  const ended = await endOf(temporal, policy).catch(() => null);
  if (ended !== null) return ended;
  const known = (await listPolicies(temporal)).map(({ name }) => name);
  return fault('KEYTURN_POLICY_UNKNOWN', policy, known);
}
