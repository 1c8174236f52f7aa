import { fault } from '../errors/keyturn-error.ts';
import type { LiveKey } from '../policy/life/state.ts';
import type { Tools } from './tools.ts';

export type FindLiveKeysInput = {
  policy: string;
  connection: string;
  workspace: string | null;
  /** The policy's name for its keys. */
  keyName: string;
  /** Hashes of the keys that the policy knows. */
  known: string[];
  /** A first key is to be made, and not beside others. */
  refuse: boolean;
};

/**
 * Live keys that carry the policy's names and that it does not know. A workflow that was terminated, or reset to before a
 * publish, knows nothing of the keys it made. Their names do.
 *
 * @throws KEYTURN_LIVE_KEYS terminal: there are some, and `refuse`
 */
export function findLiveKeys({ openrouter }: Tools) {
  return async (input: FindLiveKeysInput): Promise<LiveKey[]> => {
    const { policy, connection, workspace, keyName, known, refuse } = input;
    const api = await openrouter(connection);
    const keys = await api.listKeys(workspace);
    const live = keys
      .filter(({ disabled, hash }) => !disabled && !known.includes(hash))
      .filter(({ name }) => name === keyName || name.startsWith(`keyturn:${policy}:`))
      .map(({ hash, name, createdAt }) => ({ hash, name, createdAt }));
    if (refuse && live.length > 0) throw fault('KEYTURN_LIVE_KEYS', policy, inWords(live));
    return live;
  };
}

const mostNamed = 5;

function inWords(keys: readonly LiveKey[]): string {
  const named = keys.slice(0, mostNamed).map(({ hash, name }) => `${name} (hash ${hash})`);
  return [...named, ...(keys.length > mostNamed ? [`${keys.length - mostNamed} more`] : [])].join(', ');
}
