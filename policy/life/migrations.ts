import type { PlaceRef } from '../declared/place.ts';
import { type Policy, policyVersion } from '../declared/policy.ts';
import { type FaultNote, type Happening, type PolicyState, type RotationRecord, stateVersion } from './state.ts';

/**
 * How what older code wrote becomes what this code reads: `migrations[n]` takes number n to n + 1. A policy outlives
 * releases asleep, so none is ever removed or changed; each is written against the shape of its time, not of today.
 */
type Old = Record<string, unknown>;
type Migration = (old: Old) => Old;

const policyMigrations: Record<number, Migration> = {
  /** Policies had no number. */
  1: (old) => ({ ...old, version: 2 }),
  /** A secret had one name in all of its stores. */
  2: (old) => {
    // Whoever sends one by hand leaves the number out, and may know of places.
    const { name, stores, places, ...more } = (old.secret ?? {}) as Record<string, unknown>;
    const named = Array.isArray(stores)
      ? stores.map((store) => ({ store, name, field: null, required: true }))
      : stores;
    return { ...old, version: 3, secret: { optionalWaitMs: 7 * 86_400_000, ...more, name, places: places ?? named } };
  },
};

/** A policy inside of a state: of the number that it has, whatever the state's. */
function policyThen(policy: unknown, version: number): unknown {
  if (policy === null) return null;
  let value = policy as Old;
  for (let n = Number(value.version ?? 1); n < version; n++) value = policyMigrations[n]?.(value) ?? value;
  return value;
}

const stateMigrations: Record<number, Migration> = {
  /** Withdrawn keys, verdicts and the sealed secret of the current key, the last rotation of each outcome. */
  1: (old) => {
    const current = old.current as Old | null;
    const retiring = old.retiring as (Old & { generation: number })[];
    const rotations = (old.history as Happening[]).filter(
      (one): one is RotationRecord => one.event === 'published' || one.event === 'undone',
    );
    const last = (event: RotationRecord['event']) => rotations.findLast((one) => one.event === event) ?? null;
    const generations = [current, ...retiring].map((key) => Number(key?.generation ?? 0));
    return {
      ...old,
      version: 2,
      policy: old.policy === null ? null : policyMigrations[1]?.(old.policy as Old),
      current: current && { ...current, sealed: null, places: [] },
      retiring: retiring.map((key) => ({ ...key, withdrawn: false })),
      newestGeneration: Math.max(...generations),
      lastRotations: { published: last('published'), undone: last('undone') },
      dropped: [],
    };
  },
  /** Everything that is tried again is owed, in one list; a rename and an undo that failed are among it. */
  2: (old) => {
    const { watch, ...kept } = old;
    const retiring = old.retiring as (Old & { hash: string; blocked: Blocked2 | null; deleteAt: unknown })[];
    const ending = old.ending as (Old & { blocked: Blocked2 | null }) | null;
    const pending = old.pending as (Old & { attempt: number; notBefore: string }) | null;
    const current = old.current as (Old & { rotationId: string; hash: string }) | null;
    const { published, undone } = old.lastRotations as PolicyState['lastRotations'];
    const isMarked = published?.fault != null && published.rotationId === current?.rotationId;
    const failed = pending !== null && pending.attempt > 1 && undone?.fault != null ? undone.fault : null;
    return {
      ...kept,
      version: 3,
      history: (old.history as { event: string }[]).map((one) =>
        one.event === 'reaped' ? { ...one, event: 'removed' } : one,
      ),
      current: current && { ...current, isMarked },
      retiring: retiring.map(({ blocked: _, ...key }) => key),
      strays: (watch as { marker: string; sweepAt: string[] }[]).map(({ marker, sweepAt }) => ({
        marker,
        lookAt: sweepAt,
      })),
      ending: ending && { mode: ending.mode, clearedAt: ending.clearedAt },
      pending: pending && withoutAttempt(pending),
      confirmedRun: null,
      undoing: null,
      owed: [
        ...retiring.flatMap(({ hash, blocked, deleteAt }) =>
          blocked === null ? [] : [owedThen(deleteAt === null ? 'disable' : 'delete', hash, blocked)],
        ),
        ...(ending?.blocked ? [owedThen('clear', '', ending.blocked)] : []),
        ...(failed === null || pending === null
          ? []
          : [owedThen('rotate', '', { ...failed, tries: pending.attempt - 1, retryAt: pending.notBefore })]),
      ],
    };
  },
  3: withPlaces,
};

/** Places have names of their own, and the state says of each what it holds. */
function withPlaces(old: Old): Old {
  const policy = policyThen(old.policy, 3) as (Old & { secret: { places: PlaceRef[] } }) | null;
  const current = old.current as (Old & { generation: number; digest: string; places: Verdict3[] }) | null;
  const { places: verdicts = [], ...kept } = current ?? {};
  const undoing = old.undoing as (Old & { steps: (Old & { undo: string; store: string; secret: string })[] }) | null;
  return {
    ...old,
    version: 4,
    policy,
    current: current && kept,
    places: (policy?.secret.places ?? []).map(({ store, name, field }) => {
      const seen = verdicts.find((one) => one.store === store);
      const hold = seen && current && { generation: current.generation, digest: current.digest };
      return {
        store,
        name,
        field,
        holds: hold ? { ...hold, verdict: seen.verdict, version: null, at: seen.at } : heldSince(current),
        lacksSince: null,
        approval: null,
        changed: null,
      };
    }),
    leaving: [],
    undoing: undoing && {
      ...undoing,
      steps: undoing.steps.map(({ store, secret, ...step }) =>
        step.undo === 'write'
          ? { ...step, place: { store, name: secret, field: null }, notBefore: null, approval: null }
          : step,
      ),
    },
  };
}

type Verdict3 = { store: string; verdict: string; at: string };

/** A published key was in every store, also where a Keyturn from before kept no verdict of it. */
function heldSince(current: Old | null): Old | null {
  if (current === null) return null;
  const { generation, digest, publishedAt } = current;
  return { generation, digest, verdict: 'unverified', version: null, at: publishedAt };
}

type Blocked2 = FaultNote & { tries: number; retryAt: string };

function owedThen(duty: string, of: string, { tries, retryAt, code, kind, message, remedy }: Blocked2) {
  return { duty, of, tries, retryAt, fault: { code, kind, message, remedy } };
}

function withoutAttempt({ attempt: _, notBefore, ...pending }: Old & { attempt: number; notBefore: string }) {
  return { ...pending, askedAt: notBefore };
}

/** `newer`: a newer Keyturn wrote it, and its number. `unreadable`: no Keyturn did. */
export type Migrated<Value> = { is: 'known'; value: Value } | { is: 'newer'; version: number } | { is: 'unreadable' };

/** A state that was passed on at continue-as-new, as this code reads it. */
export function migratedState(passedOn: unknown): Migrated<PolicyState> {
  if (!isObject(passedOn)) return { is: 'unreadable' };
  // What a person starts by hand. Of a newer state nothing is known, not even this.
  const isNewer = Number(passedOn.version) > stateVersion;
  if (!isNewer && !isFormed(passedOn)) return { is: 'unreadable' };
  return migrated<PolicyState>(passedOn, stateMigrations, stateVersion);
}

function isFormed(state: Old): boolean {
  const { version = 1 } = state;
  const lists = [
    'retiring',
    'requests',
    'history',
    'lastSteps',
    ...(Number(version) < 3 ? ['watch'] : ['strays', 'owed']),
    ...(Number(version) < 4 ? [] : ['places', 'leaving']),
  ];
  const hasRotations = Number(version) < 2 || isObject(state.lastRotations);
  return typeof state.name === 'string' && hasRotations && lists.every((list) => Array.isArray(state[list]));
}

/** A policy that crossed from another process, as this code reads it. Whether it is right is checked elsewhere. */
export function migratedPolicy(sent: unknown): Migrated<Policy> {
  return isObject(sent) ? migrated<Policy>(sent, policyMigrations, policyVersion) : { is: 'unreadable' };
}

function migrated<Value>(old: Old, migrations: Record<number, Migration>, known: number): Migrated<Value> {
  const { version = 1 } = old;
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1) return { is: 'unreadable' };
  if (version > known) return { is: 'newer', version };
  let value = old;
  for (let number = version; number < known; number++) value = migrations[number]?.(value) ?? value;
  return { is: 'known', value: value as Value };
}

function isObject(value: unknown): value is Old {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
