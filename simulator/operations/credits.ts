import type { Account } from '../account.ts';
import { jsonAnswer } from '../answer.ts';
import type { Credentials } from '../credentials.ts';
import type { Call, OperationHandler } from '../exchange.ts';
import type { Settings } from '../settings.ts';

/** GET /credits, with both answers that an inference key was seen to get (facts §3.7). */
export function creditsOperation(
  account: Account,
  settings: Settings,
  credentials: Credentials,
  manage: (call: Call) => void,
): OperationHandler {
  return (call) => {
    if (settings.variants.creditsForInferenceKey === 'zeros') {
      const caller = credentials.any(call.authorization);
      if (caller.kind === 'inference') return jsonAnswer(200, { data: { total_credits: 0, total_usage: 0 } });
    }
    manage(call);
    account.countAll();
    const { bought, used } = account.state.credits;
    return jsonAnswer(200, { data: { total_credits: bought, total_usage: used } });
  };
}
