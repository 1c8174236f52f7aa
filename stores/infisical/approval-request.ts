import { z } from 'zod';
import { digestOf, Secret } from '../../secrets/secret.ts';
import type { Approval } from '../store.ts';
import { isDone, isReply } from './answer.ts';
import { type Asked, readingFailed } from './classify.ts';
import type { DeclaredInfisical } from './declaration.ts';
import type { NoReply, Reply } from './http.ts';

/** Approvals of the old kind know neither word: they are asked about, and judged by the place. */
const request = z.looseObject({
  approval: z.looseObject({ status: z.enum(['open', 'close']), hasMerged: z.boolean() }),
});

/**
 * A request to change something, with what the place holds once it is merged: an identity may not be allowed to ask about
 * the request (facts §7), and then the place has to tell.
 * @param value null: nothing
 */
export function approvalOf(id: string, value: string | null, declared: DeclaredInfisical): Approval {
  return { id: `${id} ${wantedMark(value)}`, url: urlOf(id, declared) };
}

/** Whether the place holds what the request wants to write. */
export function isHeldAs({ id }: Approval, value: string | null): boolean {
  return id.split(' ')[1] === wantedMark(value);
}

export function pathOf({ id }: Approval): string {
  return `/api/v1/secret-approval-requests/${encodeURIComponent(id.split(' ')[0] ?? '')}`;
}

/** null: Infisical does not tell this identity. */
export function standingIn(outcome: Reply | NoReply, asked: Asked): 'open' | 'merged' | 'closed' | null {
  if (isReply(outcome) && [401, 403, 404].includes(outcome.status)) return null;
  if (!isDone(outcome)) throw readingFailed(outcome, asked);
  const read = request.safeParse(outcome.json);
  if (!read.success) return null;
  const { status, hasMerged } = read.data.approval;
  if (hasMerged) return 'merged';
  return status === 'open' ? 'open' : 'closed';
}

function wantedMark(value: string | null): string {
  return value === null ? 'nothing' : digestOf(new Secret(value)).slice(0, 8);
}

/** Newer dashboards have the organization in their addresses; no answer to an identity tells which it is. */
function urlOf(id: string, { url, project, organization }: DeclaredInfisical): string {
  const within = organization === undefined ? '' : `/organizations/${organization}`;
  return `${url}${within}/projects/secret-management/${project}/approval?requestId=${id}`;
}
