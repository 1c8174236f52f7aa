import { notAllowed, Refused } from './answers.ts';
import type { ApprovalPolicy } from './settings.ts';
import type { Action, Identity, Where, World } from './world.ts';

export function mayDo({ may, only }: Identity, action: Action, at: Where, name: string): boolean {
  return may.has(action) && (only === null || only(action, at, name));
}

export function need(identity: Identity, action: Action, at: Where, name: string): void {
  if (!mayDo(identity, action, at, name)) throw notAllowed(action);
}

export function needMembership({ isMember }: Identity): void {
  if (!isMember) throw new Refused(403, 'ProjectMembershipNotFound', 'You are not a member of this project');
}

/** Whether a write of an identity there only opens a request: by the most exact policy (facts §7). */
export function isHeld({ settings }: World, { environment, path }: Where): boolean {
  const of = settings.policies.filter((policy) => policy.environment === environment && covers(policy, path));
  const exact = of.find((policy) => policy.path === path);
  const [policy] = exact === undefined ? of.toSorted((one, other) => other.path.length - one.path.length) : [exact];
  return policy === undefined ? settings.approvals : !policy.bypassForMachineIdentities;
}

function covers({ path: glob }: ApprovalPolicy, path: string): boolean {
  if (glob === '/**') return true;
  if (glob.endsWith('/**')) return path.startsWith(glob.slice(0, -2));
  if (glob.endsWith('/*')) return path.startsWith(glob.slice(0, -1)) && !path.slice(glob.length - 1).includes('/');
  return glob === path;
}
