import { fault } from '../errors/keyturn-error.ts';
import { problemLines } from '../policy/declared/check-policy.ts';
import type { Policy } from '../policy/declared/policy.ts';
import { checkCrossing } from '../policy/life/check-crossing.ts';
import type { LiveKey, Plan } from '../policy/life/state.ts';
import { type Instant, instant } from '../policy/time/instant.ts';
import { checkPlace, claim } from './check-place.ts';
import { placesOf } from './place-at.ts';
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
  /** What a person should know of the places, each a sentence. */
  warnings?: string[];
  /** As workers before `findLiveKeys` found them. */
  liveKeys?: LiveKey[];
  /** The first scheduled run of a new policy: an activity less than planning it for itself. */
  plan?: Plan;
};

/**
 * Whether this worker could carry the policy out: it is right by the schema of its file, the worker knows the connection
 * and the stores, and its places are free, which are the policy's from then on. Asks OpenRouter nothing, and waits for no
 * store that is down: an outage must not keep a policy from being saved.
 *
 * @throws KEYTURN_POLICY_INVALID, KEYTURN_CONNECTION_UNKNOWN, KEYTURN_STORE_UNKNOWN, KEYTURN_STORE_REFUSED,
 *   KEYTURN_SECRET_OWNED, KEYTURN_PLACE_LEASED terminal
 */
export function checkPolicy(tools: Tools) {
  return async (input: CheckPolicyInput): Promise<CheckedPolicy> => {
    const checked = checkCrossing(input.policy);
    if ('problems' in checked) throw fault('KEYTURN_POLICY_INVALID', problemLines(checked.problems));
    const { policy } = checked;
    await tools.openrouter(policy.connection);
    const places = await Promise.all(placesOf(policy).map((place) => checkPlace(tools, place, policy.graceMs)));
    const at = input.at ?? instant(tools.now());
    const plan = await planRun({ schedule: policy.schedule, anchor: { at }, after: at });
    const planned = input.isFirst && policy.autoRotate ? { plan } : {};

    // Last of all: what was refused has claimed nothing.
    for (const place of placesOf(policy)) await claim(tools, place);
    // A policy that is new has written nothing yet: an earlier one of its name has.
    const isHeld = input.isFirst && places.some((place) => place.isHeld);
    const warnings = places.flatMap((place) => place.warnings);
    return { policy, lookForKeys: isHeld || input.lookForKeys, warnings, ...planned };
  };
}
