import { type Instant, isDue, msBetween } from '../time/instant.ts';
import { clear } from './duties/clear.ts';
import { confirm } from './duties/confirm.ts';
import { deleteDuty } from './duties/delete.ts';
import { disable } from './duties/disable.ts';
import { fill } from './duties/fill.ts';
import { look } from './duties/look.ts';
import { plan } from './duties/plan.ts';
import { rename } from './duties/rename.ts';
import { rotate } from './duties/rotate.ts';
import { undo } from './duties/undo.ts';
import { vacate } from './duties/vacate.ts';
import type { AnyDuty, Item } from './duty.ts';
import { dueAt } from './owed.ts';
import type { PolicyState } from './state.ts';

/**
 * Everything that a policy does, most important first where several are due: at the same moment an old key is disabled,
 * and a stray looked for, before a new key is made (I3).
 */
const duties: readonly AnyDuty[] = [
  ...[plan, undo, clear, vacate, fill, disable, look, confirm, rotate, rename],
  deleteDuty,
];

/** What goes on while a detached policy ends, so that nothing is left half-done: everything else stays as it is. */
const whileDetaching: readonly AnyDuty[] = [undo, look];

export type Due = Item<unknown> & { duty: AnyDuty };

export type NextStep =
  | { do: 'duty'; due: Due }
  | { do: 'end' }
  | { do: 'sleep'; until: Instant | null; because: string };

/** What a policy should do at `now`. Pure: the workflow carries it out, and asks again. */
export function nextStep(state: PolicyState, now: Instant): NextStep {
  const planned = agenda(state, now);
  if (state.ending !== null && planned.length === 0) return { do: 'end' };
  const due = planned.find(({ at }) => isDue(at, now));
  if (due !== undefined) return { do: 'duty', due };
  const [first] = planned.sort((a, b) => msBetween(b.at, a.at));
  if (first === undefined) return { do: 'sleep', until: null, because: idleBecause(state) };
  return { do: 'sleep', until: first.at, because: first.because };
}

/** All that is to be done, now or later, in the order of importance. */
export function agenda(state: PolicyState, now: Instant): Due[] {
  const list = state.ending?.mode === 'detach' ? whileDetaching : duties;
  return list.flatMap((duty) =>
    duty.items(state, now).map((item) => ({ ...item, duty, at: dueAt(state, duty.name, item.of, item.at) })),
  );
}

/** Nothing is owed of what is no longer to be done. */
export function withoutStale(state: PolicyState, now: Instant): PolicyState {
  // A policy that is detached gives things up, and still tells of them.
  if (state.owed.length === 0 || state.ending?.mode === 'detach') return state;
  const planned = agenda(state, now);
  // A rotation that is held back, by a pause for instance, keeps its count of tries.
  const isHeldBack = (duty: string) => duty === 'rotate' && state.pending !== null;
  const owed = state.owed.filter(
    (one) => isHeldBack(one.duty) || planned.some(({ duty, of }) => duty.name === one.duty && of === one.of),
  );
  return owed.length === state.owed.length ? state : { ...state, owed };
}

function idleBecause(state: PolicyState): string {
  if (state.policy === null) return 'no policy was applied yet';
  if (state.paused !== null) return 'paused: it rotates on request only';
  return state.policy.autoRotate ? 'its next run is being planned' : 'autoRotate is off: it rotates on request only';
}
