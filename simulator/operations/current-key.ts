import type { Account } from '../account.ts';
import { jsonAnswer } from '../answer.ts';
import type { SimulatedClock } from '../clock.ts';
import type { Credentials } from '../credentials.ts';
import type { OperationHandler } from '../exchange.ts';
import { labelOf, usageFields } from '../key-object.ts';
import { type KeyRecord, limitRemaining } from '../key-record.ts';
import { noSpend } from '../spend.ts';

/** GET /key for both kinds of credential; no hash, name or `disabled` in it (facts §3.6). */
export function currentKeyOperation(
  account: Account,
  clock: SimulatedClock,
  credentials: Credentials,
): OperationHandler {
  return (call) => {
    const caller = credentials.any(call.authorization);
    const own =
      caller.kind === 'inference'
        ? inferenceFields(caller.key, clock.now())
        : managementFields(account.state.userId, clock.now());
    const isManagementKey = caller.kind === 'management';
    return jsonAnswer(200, {
      data: {
        label: labelOf(caller.key.mask),
        ...own,
        is_free_tier: false,
        is_management_key: isManagementKey,
        is_provisioning_key: isManagementKey,
        organization_id: null,
        allowed_data_regions: ['global'],
        free_model_daily_requests: { limit: 1000, used: 0, remaining: 1000 },
        rate_limit: { requests: -1, interval: '10s', note: 'This field is deprecated and safe to ignore.' },
      },
    });
  };
}

function inferenceFields(key: KeyRecord, nowMs: number) {
  return {
    limit: key.limit,
    limit_remaining: limitRemaining(key, nowMs),
    limit_reset: key.limitReset,
    include_byok_in_limit: key.includeByokInLimit,
    ...usageFields(key.spend, nowMs),
    expires_at: key.expiresAt,
    creator_user_id: key.creatorUserId,
    workspace_id: key.workspaceId,
  };
}

/** A management key spends nothing and acts account-wide, so no workspace is shown for it. */
function managementFields(userId: string, nowMs: number) {
  return {
    limit: null,
    limit_remaining: null,
    limit_reset: null,
    include_byok_in_limit: false,
    ...usageFields(noSpend(), nowMs),
    expires_at: null,
    creator_user_id: userId,
    workspace_id: null,
  };
}
