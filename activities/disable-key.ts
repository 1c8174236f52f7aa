import { KeyturnError } from '../errors/keyturn-error.ts';
import type { Retirement } from '../policy/life/duty.ts';
import { proveReplaced } from './prove-replaced.ts';
import type { Tools } from './tools.ts';

/**
 * Disables an old key after the proof that nobody needs it. It can be enabled again until it is deleted.
 *
 * @throws KEYTURN_OLD_KEY_STILL_NEEDED needs-attention
 */
export function disableKey(tools: Tools) {
  return async (retirement: Retirement): Promise<{ gone: boolean }> => {
    await proveReplaced(tools, retirement, true);
    const api = await tools.openrouter(retirement.connection);
    try {
      await api.patchKey(retirement.key.hash, { disabled: true });
      return { gone: false };
    } catch (error) {
      // Somebody deleted it behind our back: what was wanted, and more.
      if (error instanceof KeyturnError && error.code === 'KEYTURN_KEY_GONE') return { gone: true };
      throw error;
    }
  };
}
