import { workflowId, workflowType } from '../workflows/messages.ts';
import { searchAttributes } from '../workflows/search-attributes.ts';
import { request } from './request.ts';
import type { Temporal } from './temporal.ts';

/** One line of `keyturn list`: what Temporal knows without asking a worker. */
export type ListedPolicy = {
  name: string;
  /** A `StateWord`; `new` until a worker has seen the policy. */
  state: string;
  connection: string | null;
  /** ISO instant in UTC; null where no rotation will start by itself. */
  nextRotation: string | null;
  lastOutcome: string | null;
};

/** Every policy there is, by name. */
export async function listPolicies(temporal: Temporal): Promise<ListedPolicy[]> {
  const found: ListedPolicy[] = [];
  await request(temporal, async () => {
    const query = `WorkflowType = '${workflowType}' AND ExecutionStatus = 'Running'`;
    for await (const { workflowId: id, typedSearchAttributes: shown } of temporal.client.workflow.list({ query })) {
      const name = id.slice(workflowId('').length);
      found.push({
        name,
        state: shown.get(searchAttributes.state) ?? 'new',
        connection: shown.get(searchAttributes.connection) ?? null,
        nextRotation: shown.get(searchAttributes.nextRotation)?.toISOString() ?? null,
        lastOutcome: shown.get(searchAttributes.lastOutcome) ?? null,
      });
    }
  });
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}
