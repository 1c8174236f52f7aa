import { backoffMs } from '../time/backoff.ts';
import { type Instant, later, plus } from '../time/instant.ts';
import type { FaultNote, Owed, PolicyState } from './state.ts';

/** What is owed of a duty; null where its last try did not fail. */
export function owedOf({ owed }: PolicyState, duty: string, of = ''): Owed | null {
  return owed.find((one) => one.duty === duty && one.of === of) ?? null;
}

/** When a duty that is due at `at` is tried: not before the time of its next try. */
export function dueAt(state: PolicyState, duty: string, of: string, at: Instant): Instant {
  const owed = owedOf(state, duty, of);
  return owed === null ? at : later(owed.retryAt, at);
}

/**
 * It failed: tried again with growing pauses, for ever, and not before the other side asks for it.
 *
 * @param tries default: one more than before
 */
export function owing(
  state: PolicyState,
  duty: string,
  of: string,
  fault: FaultNote,
  now: Instant,
  tries = (owedOf(state, duty, of)?.tries ?? 0) + 1,
): PolicyState {
  const { retryAfterMs = 0, ...told } = fault;
  const retryAt = plus(now, Math.max(backoffMs(state.name, tries), retryAfterMs));
  const owed = { duty, of, tries, retryAt, fault: told };
  return { ...state, owed: [...settled(state, duty, of).owed, owed] };
}

/** Nothing is owed of it any more. */
export function settled(state: PolicyState, duty: string, of = ''): PolicyState {
  const owed = state.owed.filter((one) => one.duty !== duty || one.of !== of);
  return owed.length === state.owed.length ? state : { ...state, owed };
}
