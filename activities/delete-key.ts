import type { Retirement } from '../policy/life/duty.ts';
import { proveReplaced } from './prove-replaced.ts';
import type { Tools } from './tools.ts';

/**
 * Deletes a disabled key for ever, after the proof that nobody needs it. A key that is gone already is fine: this hash
 * was seen to exist, so a 404 means done (facts §3.5).
 *
 * @throws KEYTURN_OLD_KEY_STILL_NEEDED needs-attention
 */
export function deleteKey(tools: Tools) {
  return async (retirement: Retirement): Promise<{ gone: boolean }> => {
    await proveReplaced(tools, retirement, false);
    const api = await tools.openrouter(retirement.connection);
    return { gone: (await api.deleteKey(retirement.key.hash)) === 'absent' };
  };
}
