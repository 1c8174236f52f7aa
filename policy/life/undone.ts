import type { Policy } from '../declared/policy.ts';
import { type Instant, plus } from '../time/instant.ts';
import { endingGraceMs, retiring } from './retiring.ts';
import type { KeyRef, PolicyState, Undoing } from './state.ts';

/** As far as a rotation is undone: the rest, if any, is a duty. `removed`: the marker of a key that is gone by now. */
export function afterUndoing(
  before: PolicyState,
  policy: Policy,
  { rotationId, key, isShown, steps, removed = null }: Undoing & { removed?: string | null },
  now: Instant,
): PolicyState {
  const strays = before.strays.filter(({ marker }) => marker !== removed);
  const state = { ...before, strays };
  if (steps.length > 0) return { ...state, undoing: { rotationId, key, isShown, steps } };
  return { ...(key !== null && isShown ? withWithdrawn(state, policy, key, now) : state), undoing: null };
}

/** Somebody may have read it while a place showed it, so it works on for a grace, like a former one (I9). */
function withWithdrawn(state: PolicyState, policy: Policy, key: KeyRef, now: Instant): PolicyState {
  const { ending } = state;
  const graceMs =
    ending === null || ending.mode === 'detach' ? policy.graceMs : endingGraceMs(state.policy, ending.mode);
  const withdrawn = { ...retiring({ ...key, publishedAt: now }, plus(now, graceMs)), withdrawn: true };
  return { ...state, retiring: [...state.retiring, withdrawn], newestGeneration: key.generation };
}
