import { fault } from '../errors/keyturn-error.ts';
import { problemLines } from '../policy/declared/check-policy.ts';
import type { Policy } from '../policy/declared/policy.ts';
import { checkCrossing } from '../policy/life/check-crossing.ts';
import type { LiveKey, Plan } from '../policy/life/state.ts';
import { type Instant, instant } from '../policy/time/instant.ts';
import { planRun } from './plan-run.ts';
import type { Tools } from './tools.ts';

export type CheckPolicyInput = {
  /** As it was sent, by a client of any version or by hand. */
  policy: unknown;
  /** Whether it makes the policy, and with it a first key. */
  isFirst: boolean;
  /** What the schedule of a new policy counts from. */
  at?: Instant;
  lookForKeys: boolean;
};

export type CheckedPolicy = {
  policy: Policy;
  /** There is reason to look for live keys that carry its names (`findLiveKeys`): asked for, or a store holds its secret. */
  lookForKeys?: boolean;
  /** As workers before `findLiveKeys` found them. */
  liveKeys?: LiveKey[];
  /** The first scheduled run of a new policy: an activity less than planning it for itself. */
  plan?: Plan;
};

/**
 * Whether this worker could carry the policy out: it is right by the schema of its file, the worker knows the connection
 * and the stores, and the secret is free. Changes nothing, and asks OpenRouter nothing: an outage must not keep a policy from being
 * saved.
 *
 * @throws KEYTURN_POLICY_INVALID, KEYTURN_CONNECTION_UNKNOWN, KEYTURN_STORE_UNKNOWN, KEYTURN_SECRET_OWNED terminal
 */
export function checkPolicy(tools: Tools) {
  return async (input: CheckPolicyInput): Promise<CheckedPolicy> => {
    const checked = checkCrossing(input.policy);
    if ('problems' in checked) throw fault('KEYTURN_POLICY_INVALID', problemLines(checked.problems));
    const { policy } = checked;
    await tools.openrouter(policy.connection);
    let isHeld = false;
    for (const name of policy.secret.stores) {
      const secret = { policy: policy.name, name: policy.secret.name };
      await tools.store(name).check(secret);
      // A policy that is new has written nothing yet: an earlier one of its name has.
      isHeld ||= input.isFirst && (await tools.store(name).read(secret)).kind === 'held';
    }
    const at = input.at ?? instant(tools.now());
    const plan = await planRun({ schedule: policy.schedule, anchor: { at }, after: at });
    const planned = input.isFirst && policy.autoRotate ? { plan } : {};

    return { policy, lookForKeys: isHeld || input.lookForKeys, ...planned };
  };
}
