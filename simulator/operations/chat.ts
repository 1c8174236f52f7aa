import { randomBytes } from 'node:crypto';
import type { Account } from '../account.ts';
import { jsonAnswer } from '../answer.ts';
import { ApiError } from '../api-error.ts';
import type { SimulatedClock } from '../clock.ts';
import type { Credentials } from '../credentials.ts';
import type { OperationHandler } from '../exchange.ts';
import { type KeyRecord, limitRemaining } from '../key-record.ts';
import { chatSchema, parsedBody } from '../request-schemas.ts';
import type { Settings } from '../settings.ts';
import { rounded, usageOf } from '../spend.ts';

/** POST /chat/completions: always `pong`, for money, within the caps of key, workspace and account (facts §6, §7). */
export function chatOperation(
  account: Account,
  settings: Settings,
  clock: SimulatedClock,
  credentials: Credentials,
): OperationHandler {
  return (call) => {
    const key = credentials.inference(call.authorization);
    const asked = parsedBody(chatSchema, call.body);
    const tokens = asked.max_completion_tokens ?? asked.max_tokens ?? settings.chat.maxOutputTokens;
    checkKeyCap(key);
    checkWorkspaceBudget(key);
    checkCredits(key, tokens);

    const { cost, paidBy, usageLagMs } = settings.chat;
    const amount = { credits: 0, byok: 0, [paidBy]: cost };
    account.spend(key, amount, clock.now(), usageLagMs);

    const created = Math.floor(clock.now() / 1000);
    return jsonAnswer(200, {
      id: `gen-${created}-${randomBytes(10).toString('hex')}`,
      object: 'chat.completion',
      created,
      model: asked.model,
      system_fingerprint: null,
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'pong' } }],
      usage: { prompt_tokens: 8, completion_tokens: 2, total_tokens: 10, cost, is_byok: paidBy === 'byok' },
    });
  };

  function checkKeyCap(key: KeyRecord): void {
    const remaining = limitRemaining(key, clock.now());
    if (remaining === null || remaining > 0) return;
    throw new ApiError(
      settings.variants.keyCap,
      `Key limit exceeded (${key.limitReset ?? 'total'} limit). Manage it using https://openrouter.ai/settings/keys`,
      { userId: account.state.userId },
    );
  }

  function checkWorkspaceBudget(key: KeyRecord): void {
    const { id, monthlyBudget } = account.requireWorkspace(key.workspaceId);
    if (monthlyBudget === null) return;
    const spent = account.state.keys
      .filter((each) => each.workspaceId === id)
      .reduce((sum, each) => sum + usageOf(account.counted(each).spend, 'credits', clock.now()).monthly, 0);
    if (spent < monthlyBudget) return;
    throw new ApiError(
      403,
      `Workspace monthly budget of $${monthlyBudget.toFixed(2)} exceeded. Contact your org admin.`,
      { userId: account.state.userId },
    );
  }

  /** What the answer could cost at most is checked before it costs anything; the tail names what binds. */
  function checkCredits(key: KeyRecord, tokens: number): void {
    if (settings.chat.paidBy === 'byok') return;
    account.countAll();
    const { bought, used } = account.state.credits;
    const balance = rounded(bought - used);
    if (balance <= 0) throw refused('Insufficient credits. Add more using https://openrouter.ai/credits');
    const remaining = limitRemaining(key, clock.now()) ?? Number.POSITIVE_INFINITY;
    const affordable = Math.floor(Math.min(balance, remaining) / settings.chat.pricePerToken);
    if (tokens <= affordable) return;
    const visit =
      remaining < balance
        ? 'https://openrouter.ai/settings/keys and create a key with a higher monthly limit'
        : 'https://openrouter.ai/settings/credits and add more credits';
    throw refused(
      'This request requires more credits, or fewer max_tokens. ' +
        `You requested up to ${tokens} tokens, but can only afford ${affordable}. To increase, visit ${visit}`,
    );
  }

  function refused(message: string): ApiError {
    return new ApiError(402, message, { metadata: { provider_name: null }, userId: account.state.userId });
  }
}
