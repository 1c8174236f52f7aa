import { type KeyRecord, limitRemaining } from './key-record.ts';
import { secretPrefix } from './key-secret.ts';
import { type Spend, usageOf } from './spend.ts';

/** `data` of the key endpoints: the table of facts §2. */
export function keyObject(key: KeyRecord, nowMs: number) {
  return {
    hash: key.hash,
    name: key.name,
    label: labelOf(key.mask),
    disabled: key.disabled,
    limit: key.limit,
    limit_remaining: limitRemaining(key, nowMs),
    limit_reset: key.limitReset,
    include_byok_in_limit: key.includeByokInLimit,
    ...usageFields(key.spend, nowMs),
    created_at: key.createdAt,
    updated_at: key.updatedAt,
    expires_at: key.expiresAt,
    creator_user_id: key.creatorUserId,
    workspace_id: key.workspaceId,
    external_user: key.externalUser,
  };
}

export function labelOf(mask: string): string {
  return `${secretPrefix}${mask}`;
}

export function usageFields(spend: Spend, nowMs: number) {
  const credits = usageOf(spend, 'credits', nowMs);
  const byok = usageOf(spend, 'byok', nowMs);
  return {
    usage: credits.total,
    usage_daily: credits.daily,
    usage_weekly: credits.weekly,
    usage_monthly: credits.monthly,
    byok_usage: byok.total,
    byok_usage_daily: byok.daily,
    byok_usage_weekly: byok.weekly,
    byok_usage_monthly: byok.monthly,
  };
}
