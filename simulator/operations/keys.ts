import type { Account } from '../account.ts';
import { jsonAnswer } from '../answer.ts';
import { ApiError } from '../api-error.ts';
import type { SimulatedClock } from '../clock.ts';
import type { Call, OperationHandler } from '../exchange.ts';
import { keyObject } from '../key-object.ts';
import { createKeySchema, listKeysSchema, parsed, parsedBody, patchKeySchema } from '../request-schemas.ts';

const pageSize = 100;

/** The key endpoints of facts §3.1 to §3.5. */
export function keyOperations(
  account: Account,
  clock: SimulatedClock,
  manage: (call: Call) => void,
  issued?: (secret: string) => void,
) {
  return {
    createKey(call) {
      manage(call);
      if (!call.post) throw new Error('POST /keys without its log entry');
      const { key, secret } = account.createKey(parsedBody(createKeySchema, call.body), call.post);
      call.post.outcome = 'created';
      call.post.hash = key.hash;
      issued?.(secret);
      return jsonAnswer(201, { data: keyObject(key, clock.now()), key: secret });
    },

    listKeys(call) {
      manage(call);
      const query = parsed(listKeysSchema, call.query);
      const workspaceId = query.workspace_id ?? account.state.defaultWorkspaceId;
      account.requireWorkspace(workspaceId);
      const keys = account.listKeys(workspaceId, query.include_disabled === 'true');
      const offset = query.offset ?? 0;
      const page = keys.slice(offset, offset + pageSize);
      return jsonAnswer(200, { data: page.map((key) => keyObject(account.counted(key), clock.now())) });
    },

    getKey(call) {
      manage(call);
      return jsonAnswer(200, { data: keyObject(account.existingKey(hashOf(call)), clock.now()) });
    },

    patchKey(call) {
      manage(call);
      const key = account.patchKey(hashOf(call), parsedBody(patchKeySchema, call.body));
      return jsonAnswer(200, { data: keyObject(key, clock.now()) });
    },

    deleteKey(call) {
      manage(call);
      account.deleteKey(hashOf(call));
      return jsonAnswer(200, { deleted: true });
    },
  } satisfies Record<string, OperationHandler>;
}

function hashOf({ params }: Call): string {
  if (!params.hash) throw new ApiError(404, 'Resource not found');
  return params.hash;
}
