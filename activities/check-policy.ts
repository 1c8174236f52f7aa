import type { Policy } from '../policy/policy.ts';
import { nextRun } from '../policy/schedule.ts';
import type { Tools } from './tools.ts';

/**
 * Whether this worker could carry the policy out: it knows the connection and the stores, and the secret is free.
 * Changes nothing and asks OpenRouter nothing: an outage must not keep a policy from being saved.
 *
 * @throws KEYTURN_CONNECTION_UNKNOWN, KEYTURN_STORE_UNKNOWN, KEYTURN_SECRET_OWNED terminal
 */
export function checkPolicy({ openrouter, store }: Tools) {
  return async (policy: Policy): Promise<void> => {
    await openrouter(policy.connection);
    for (const name of policy.secret.stores) {
      await store(name).check({ policy: policy.name, name: policy.secret.name });
    }
    nextRun(policy.schedule, '2000-01-01', '2000-01-01T00:00:00Z');
  };
}
