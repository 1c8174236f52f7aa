import type { PolicyState } from '../../policy/life/state.ts';

/** The state as version 1 would have passed it on; null where that could not have held it. */
export function asVersion1(state: PolicyState): unknown {
  if (state.retiring.some(({ withdrawn }) => withdrawn)) return null;
  const { newestGeneration: _, lastRotations: __, dropped: ___, policy, current, retiring, ...same } = state;
  const { version: ____, ...policyThen } = policy ?? { version: 0 };
  const { sealed: _____, places: ______, ...currentThen } = current ?? { sealed: null, places: [] };
  return {
    ...same,
    version: 1,
    policy: policy && policyThen,
    current: current && currentThen,
    retiring: retiring.map(({ withdrawn: _______, ...key }) => key),
  };
}
