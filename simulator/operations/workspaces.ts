import type { Account } from '../account.ts';
import { jsonAnswer } from '../answer.ts';
import { ApiError } from '../api-error.ts';
import type { Call, OperationHandler } from '../exchange.ts';
import { listWorkspacesSchema, parsed } from '../request-schemas.ts';
import { workspaceObject } from '../workspace.ts';

/** GET /workspaces and GET /workspaces/{id or slug} (facts §5). */
export function workspacesOperation(account: Account, manage: (call: Call) => void): OperationHandler {
  return (call) => {
    manage(call);
    const { workspaces } = account.state;
    if (call.params.id !== undefined) {
      const workspace = workspaces.find(({ id, slug }) => id === call.params.id || slug === call.params.id);
      if (!workspace) throw new ApiError(404, 'Resource not found');
      return jsonAnswer(200, { data: workspaceObject(workspace) });
    }
    const { offset = 0, limit = 50 } = parsed(listWorkspacesSchema, call.query);
    const page = workspaces.slice(offset, offset + limit);
    return jsonAnswer(200, { data: page.map(workspaceObject), total_count: workspaces.length });
  };
}
