import type { z } from 'zod';
import { fault } from '../errors/keyturn-error.ts';
import { checkPolicy, problemLines } from '../policy/declared/check-policy.ts';
import type { Policy } from '../policy/declared/policy.ts';
import type { policyFile } from '../policy/declared/schema.ts';

/** A policy as its file declares it (docs/policy.md), as an object. */
export type PolicyInput = z.input<typeof policyFile>;

/** @throws KEYTURN_POLICY_INVALID with a line for each field that is wrong */
export function readPolicyInput(input: PolicyInput): Policy {
  const checked = checkPolicy(input);
  if ('policy' in checked) return checked.policy;
  throw fault('KEYTURN_POLICY_INVALID', problemLines(checked.problems));
}
