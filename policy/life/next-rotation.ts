import { type Instant, msBetween, plus } from '../time/instant.ts';
import { dueAt, owedOf } from './owed.ts';
import { graceEnd, isStuck, mostRetiring, withdrawnKeys } from './retiring.ts';
import type { PendingRotation, PolicyState, RetiringKey, RotationReason } from './state.ts';
import { inDoubt, mostBesides } from './strays.ts';
import { isWanted, rotatesBySchedule } from './wanted.ts';

/** `pending`: null where the schedule alone wants it. */
export type NextRotation = { at: Instant; because: string; pending: PendingRotation | null; reason: RotationReason };

/** When the next rotation starts, whoever wants it, and what it waits for; null where none will start by itself. */
export function nextRotation(state: PolicyState, now: Instant): NextRotation | null {
  const wanted = state.ending === null ? wantedRotation(state) : null;
  if (wanted === null) return null;
  const [last] = waits(state, now)
    .filter(({ until }) => msBetween(wanted.at, until) > 0)
    .sort((a, b) => msBetween(a.until, b.until));
  return last === undefined ? wanted : { ...wanted, at: last.until, because: last.because };
}

/** Which try the pending rotation is, from 1. */
export function attemptOf(state: PolicyState): number {
  return (owedOf(state, 'rotate')?.tries ?? 0) + 1;
}

function wantedRotation(state: PolicyState): NextRotation | null {
  const { pending, next } = state;
  if (pending !== null && isWanted(state, pending.reason)) {
    const attempt = attemptOf(state);
    const because = attempt > 1 ? `try ${attempt} of a rotation that failed` : 'a rotation that was asked for';
    return { at: dueAt(state, 'rotate', '', pending.askedAt), because, pending, reason: pending.reason };
  }
  if (next === null || !rotatesBySchedule(state)) return null;
  const reason: RotationReason = { kind: 'scheduled', date: next.date };
  return { at: next.utc, because: 'the next scheduled rotation', pending: null, reason };
}

type Wait = { until: Instant; because: string };

function waits(state: PolicyState, now: Instant): Wait[] {
  return [
    ...undoing(state, now),
    ...graces(state, now),
    ...besides(state, now),
    ...crowdOfKeys(state, now),
    ...crowdOfStrays(state, now),
  ];
}

/** What the last rotation wrote has to be put back first. */
function undoing(state: PolicyState, now: Instant): Wait[] {
  if (state.undoing === null) return [];
  return [{ until: dueAt(state, 'undo', '', now), because: 'the undo of the last rotation' }];
}

/** A policy has at most two live keys (I3): one that still works must be disabled before another is made. */
function graces(state: PolicyState, now: Instant): Wait[] {
  return waitedFor(state).map((key) => ({
    until: disabledAt(state, key, now),
    because: `the end of the grace of key #${key.generation}`,
  }));
}

/**
 * Former keys that still work upstream and are waited for. One whose disabling is refused again and again because its
 * successor does not work is not: only a fresh key cures that.
 */
function waitedFor(state: PolicyState): RetiringKey[] {
  return state.retiring.filter((key) => key.disabledAt === null && !key.withdrawn && !isStuck(state, key));
}

function disabledAt(state: PolicyState, key: RetiringKey, now: Instant): Instant {
  return dueAt(state, 'disable', key.hash, graceEnd(state, key, now));
}

/** Nor is one made while as many as may be live beside the current one, or may turn up: one of them has to go first. */
function besides(state: PolicyState, now: Instant): Wait[] {
  const looks = inDoubt(state).flatMap(({ marker, lookAt }) =>
    lookAt.slice(0, 1).map((at) => dueAt(state, 'look', marker, at)),
  );
  const ends = withdrawnKeys(state).map((key) => disabledAt(state, key, now));
  const until = [...looks, ...ends].sort((a, b) => msBetween(b, a)).at(-mostBesides);
  return until === undefined ? [] : [{ until, because: 'keys that were lost, or shown and withdrawn, to be gone' }];
}

/** A day of tries after each of which the answer was lost makes twenty. */
export const mostStrays = 24;
const crowdMs = 3_600_000;

/** As many as are kept track of: who loses the answers of creates again and again waits until one is given up. */
function crowdOfStrays(state: PolicyState, now: Instant): Wait[] {
  if (state.strays.length < mostStrays) return [];
  const [until = plus(now, crowdMs)] = state.strays
    .flatMap(({ marker, lookAt }) => lookAt.slice(0, 1).map((at) => dueAt(state, 'look', marker, at)))
    .sort((a, b) => msBetween(b, a));
  return [{ until, because: `one of ${mostStrays} lost keys to be looked for` }];
}

/** Who deletes none for months gets no new ones either. */
function crowdOfKeys(state: PolicyState, now: Instant): Wait[] {
  if (state.retiring.length < mostRetiring) return [];
  const [until = plus(now, crowdMs)] = state.retiring
    .flatMap(({ hash, deleteAt }) => (deleteAt === null ? [] : [dueAt(state, 'delete', hash, deleteAt)]))
    .sort((a, b) => msBetween(b, a));
  return [{ until, because: `one of ${mostRetiring} former keys to be deleted` }];
}
