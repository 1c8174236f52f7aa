import { type Instant, isDue, msBetween, plus } from '../time/instant.ts';
import type { PendingRotation, PolicyState, RetiringKey, RotationReason, WatchedMarker } from './state.ts';
import { inDoubt, isStuck, mostBesides, withdrawnKeys } from './watch.ts';

export type NextStep =
  | { do: 'rotate'; pending: PendingRotation | null; reason: RotationReason }
  | { do: 'disable'; key: RetiringKey }
  | { do: 'delete'; key: RetiringKey }
  | { do: 'sweep'; watched: WatchedMarker }
  | { do: 'clear-stores' }
  | { do: 'end' }
  | { do: 'sleep'; until: Instant | null; because: string };

type Due = { at: Instant; step: Exclude<NextStep, { do: 'sleep' }>; because: string };

/**
 * What a policy should do at `now`. Pure: the workflow carries it out, records it with `after…`, and asks again.
 *
 * At the same moment an old key is disabled, and a lost one looked for, before a new one is made (I3).
 */
export function nextStep(state: PolicyState, now: Instant): NextStep {
  const agenda = agendaOf(state, now);
  if (state.ending !== null && agenda.length === 0) return { do: 'end' };
  const due = agenda.find(({ at }) => isDue(at, now));
  if (due !== undefined) return due.step;
  const [first] = agenda.sort((a, b) => msBetween(b.at, a.at));
  if (first === undefined) return { do: 'sleep', until: null, because: idleBecause(state) };
  return { do: 'sleep', until: first.at, because: first.because };
}

/** All that is planned, most important first where several are due. */
function agendaOf(state: PolicyState, now: Instant): Due[] {
  if (state.ending?.mode === 'detach') return sweeps(state);
  const rotation = state.ending === null ? [rotationDue(state, now)].filter((due) => due !== null) : [];
  return [...clearing(state, now), ...disables(state, now), ...sweeps(state), ...rotation, ...deletes(state, now)];
}

/** When the next rotation starts, whoever wants it, and what it waits for; null where none will start by itself. */
export function nextRotation(state: PolicyState, now: Instant): { at: Instant; because: string } | null {
  const due = state.ending === null ? rotationDue(state, now) : null;
  return due && { at: due.at, because: due.because };
}

function rotationDue(state: PolicyState, now: Instant): Due | null {
  const wanted = wantedRotation(state);
  if (wanted === null) return null;
  const [last] = [...graces(state, now), ...besides(state, now), ...crowd(state, now)]
    .filter(({ until }) => msBetween(wanted.at, until) > 0)
    .sort((a, b) => msBetween(a.until, b.until));
  return last === undefined ? wanted : { ...wanted, at: last.until, because: last.because };
}

type Wait = { until: Instant; because: string };

/** A policy has at most two live keys (I3): one that still works must be disabled before another is made. */
function graces(state: PolicyState, now: Instant): Wait[] {
  return waitedFor(state).map((key) => ({
    until: key.blocked?.retryAt ?? graceEnd(state, key, now),
    because: `the end of the grace of key #${key.generation}`,
  }));
}

/** Nor is one made while as many as may be live beside the current one, or may turn up: one of them has to go first. */
function besides(state: PolicyState, now: Instant): Wait[] {
  const looks = inDoubt(state).flatMap(({ sweepAt }) => sweepAt.slice(0, 1));
  const graces = withdrawnKeys(state).map((key) => key.blocked?.retryAt ?? graceEnd(state, key, now));
  const until = [...looks, ...graces].sort((a, b) => msBetween(b, a)).at(-mostBesides);
  return until === undefined ? [] : [{ until, because: 'keys that were lost, or shown and withdrawn, to be gone' }];
}

/**
 * As many as are kept track of: who deletes none for months gets no new ones either. Nor does who loses the answers of
 * creates again and again, until one of them is no longer looked for.
 */
function crowd(state: PolicyState, now: Instant): Wait[] {
  return [...crowdOfKeys(state, now), ...crowdOfMarkers(state)];
}

function crowdOfMarkers({ watch }: PolicyState): Wait[] {
  if (watch.length < mostWatched) return [];
  const until = watch.flatMap(({ sweepAt }) => sweepAt.slice(0, 1)).sort((a, b) => msBetween(b, a))[0];
  return until === undefined ? [] : [{ until, because: `one of ${mostWatched} lost keys to be looked for` }];
}

function crowdOfKeys(state: PolicyState, now: Instant): Wait[] {
  if (state.retiring.length < mostRetiring) return [];
  const until = state.retiring
    .flatMap((key) => key.blocked?.retryAt ?? key.deleteAt ?? [])
    .sort((a, b) => msBetween(b, a))[0];
  return [{ until: until ?? plus(now, crowdMs), because: `one of ${mostRetiring} former keys to be deleted` }];
}

function wantedRotation(state: PolicyState): Due | null {
  const { pending, next } = state;
  if (pending !== null && isWanted(state, pending.reason)) {
    const because =
      pending.attempt > 1 ? `try ${pending.attempt} of a rotation that failed` : 'a rotation that was asked for';
    return { at: pending.notBefore, step: { do: 'rotate', pending, reason: pending.reason }, because };
  }
  if (next === null || !rotatesBySchedule(state)) return null;
  const reason: RotationReason = { kind: 'scheduled', date: next.date };
  return { at: next.utc, step: { do: 'rotate', pending: null, reason }, because: 'the next scheduled rotation' };
}

/** Whether the schedule alone starts a rotation: automatic, not paused, with a first key, not being deleted. */
export function rotatesBySchedule(state: PolicyState): boolean {
  return state.policy?.autoRotate === true && state.paused === null && state.current !== null && state.ending === null;
}

/** A pause, and `autoRotate: false`, hold back what the schedule asked for; what a person asked for runs. */
export function isWanted(state: PolicyState, reason: RotationReason): boolean {
  return reason.kind !== 'scheduled' || rotatesBySchedule(state);
}

/**
 * Former keys that still work upstream and are waited for. One whose disabling is refused again and again because its
 * successor does not work is not: only a fresh key cures that.
 */
function waitedFor(state: PolicyState): RetiringKey[] {
  return state.retiring.filter((key) => key.disabledAt === null && !key.withdrawn && !isStuck(key));
}

/** The state has to stay small (policy/life/bounds.ts): with more in quarantine than this, the oldest is deleted early. */
const mostQuarantined = 70;
/** Deleting may be refused for as long as somebody does not mend what stops it. */
export const mostRetiring = mostQuarantined + 10;
/** A day of tries after each of which OpenRouter's answer was lost makes half as many. */
export const mostWatched = 40;
const crowdMs = 3_600_000;

/** A scheduled run ends a grace that has no more than this to go; it waits for a longer one. */
const graceCutMs = 2 * 3_600_000;

/**
 * When a former key is disabled: at the end of its grace; at once where a request says so; and with the next scheduled
 * run if that comes less than two hours earlier, so that `every: 1` with `grace: 24h` keeps its time of day on every
 * day, the 23-hour one included, instead of starting later each day.
 */
export function graceEnd(state: PolicyState, key: RetiringKey, now: Instant): Instant {
  if (state.pending?.endGrace === true && msBetween(now, key.disableAt) > 0) return state.pending.notBefore;
  // No rotation waits for a withdrawn one.
  if (state.next === null || key.withdrawn || !rotatesBySchedule(state)) return key.disableAt;
  const early = msBetween(state.next.utc, key.disableAt);
  return early > 0 && early <= graceCutMs ? state.next.utc : key.disableAt;
}

function disables(state: PolicyState, now: Instant): Due[] {
  // A policy that is being deleted empties its stores first: no store may hold a disabled key (I2).
  if (state.ending !== null && state.ending.clearedAt === null) return [];
  return state.retiring
    .filter((key) => key.disabledAt === null)
    .map((key) => ({
      at: key.blocked?.retryAt ?? graceEnd(state, key, now),
      step: { do: 'disable', key },
      because: `the end of the grace of key #${key.generation}`,
    }));
}

function deletes(state: PolicyState, now: Instant): Due[] {
  const tooMany = new Set(state.retiring.filter((key) => key.disabledAt !== null).slice(0, -mostQuarantined));
  return state.retiring.flatMap((key) =>
    key.deleteAt === null
      ? []
      : [
          {
            at: key.blocked?.retryAt ?? (tooMany.has(key) ? now : key.deleteAt),
            step: { do: 'delete', key },
            because: `the end of the quarantine of key #${key.generation}`,
          } satisfies Due,
        ],
  );
}

function sweeps(state: PolicyState): Due[] {
  return state.watch.flatMap((watched) => {
    const [at] = watched.sweepAt;
    if (at === undefined) return [];
    return [
      { at, step: { do: 'sweep', watched }, because: 'another look for a key whose answer was lost' } satisfies Due,
    ];
  });
}

function clearing(state: PolicyState, now: Instant): Due[] {
  if (state.ending === null || state.ending.clearedAt !== null) return [];
  const lastGrace =
    state.retiring
      .map((key) => key.disableAt)
      .sort()
      .at(-1) ?? now;
  const at = state.ending.blocked?.retryAt ?? lastGrace;
  return [{ at, step: { do: 'clear-stores' }, because: 'the end of the grace, then the secret leaves the stores' }];
}

function idleBecause(state: PolicyState): string {
  if (state.policy === null) return 'no policy was applied yet';
  if (state.paused !== null) return 'paused: it rotates on request only';
  return state.policy.autoRotate ? 'its next run is being planned' : 'autoRotate is off: it rotates on request only';
}
