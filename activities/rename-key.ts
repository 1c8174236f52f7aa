import type { Tools } from './tools.ts';

export type RenameKeyInput = { connection: string; hash: string; name: string };

/**
 * Gives the published key the policy's key name in place of its marker: filters and dashboards go by it (facts §9).
 *
 * @throws KEYTURN_KEY_GONE terminal: somebody deleted it meanwhile
 */
export function renameKey({ openrouter }: Tools) {
  return async ({ connection, hash, name }: RenameKeyInput): Promise<void> => {
    const api = await openrouter(connection);
    await api.patchKey(hash, { name });
  };
}
