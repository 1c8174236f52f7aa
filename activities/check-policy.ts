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
  /** Hashes of the keys that the policy knows. */
  known: string[];
  lookForKeys: boolean;
  newKey: boolean;
};

export type CheckedPolicy = {
  policy: Policy;
  /** Live keys that carry its names and that it does not know; looked for where there is reason to. */
  liveKeys: LiveKey[];
  /** The first scheduled run of a new policy: an activity less than planning it for itself. */
  plan?: Plan;
};

/**
 * Whether this worker could carry the policy out: it is right by the schema of its file, the worker knows the connection
 * and the stores, and the secret is free. Changes nothing, and asks OpenRouter nothing unless a policy of this name was
 * here before: an outage must not keep a policy from being saved.
 *
 * A workflow that was terminated, or reset to before a publish, knows nothing of the keys it made. Their names do.
 *
 * @throws KEYTURN_POLICY_INVALID, KEYTURN_CONNECTION_UNKNOWN, KEYTURN_STORE_UNKNOWN, KEYTURN_SECRET_OWNED terminal
 * @throws KEYTURN_LIVE_KEYS terminal: a first key would be one more beside those, unless `newKey` says so
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

    if (!isHeld && !input.lookForKeys) return { policy, liveKeys: [], ...planned };
    const liveKeys = await liveKeysOf(tools, policy, new Set(input.known));
    if (input.isFirst && !input.newKey && liveKeys.length > 0) {
      throw fault('KEYTURN_LIVE_KEYS', policy.name, inWords(liveKeys));
    }
    return { policy, liveKeys, ...planned };
  };
}

async function liveKeysOf({ openrouter }: Tools, { name, connection, key }: Policy, known: Set<string>) {
  const api = await openrouter(connection);
  const keys = await api.listKeys(key.workspace);
  return keys
    .filter((one) => !one.disabled && !known.has(one.hash))
    .filter((one) => one.name === key.name || one.name.startsWith(`keyturn:${name}:`))
    .map(({ hash, name: called, createdAt }) => ({ hash, name: called, createdAt }));
}

const mostNamed = 5;

function inWords(keys: readonly LiveKey[]): string {
  const named = keys.slice(0, mostNamed).map(({ hash, name }) => `${name} (hash ${hash})`);
  return [...named, ...(keys.length > mostNamed ? [`${keys.length - mostNamed} more`] : [])].join(', ');
}
