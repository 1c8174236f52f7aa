import { type Policy, policyVersion } from '../declared/policy.ts';
import { type Happening, type PolicyState, type RotationRecord, stateVersion } from './state.ts';

/**
 * How what older code wrote becomes what this code reads: `migrations[n]` takes number n to n + 1. A policy outlives
 * releases asleep, so none is ever removed or changed; each is written against the shape of its time, not of today.
 */
type Old = Record<string, unknown>;
type Migration = (old: Old) => Old;

const policyMigrations: Record<number, Migration> = {
  /** Policies had no number. */
  1: (old) => ({ ...old, version: 2 }),
};

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
};

/** `newer`: a newer Keyturn wrote it, and its number. `unreadable`: no Keyturn did. */
export type Migrated<Value> = { is: 'known'; value: Value } | { is: 'newer'; version: number } | { is: 'unreadable' };

/** A state that was passed on at continue-as-new, as this code reads it. */
export function migratedState(passedOn: unknown): Migrated<PolicyState> {
  if (!isObject(passedOn)) return { is: 'unreadable' };
  // What a person starts by hand. Of a newer state nothing is known, not even this.
  const isNewer = Number(passedOn.version) > stateVersion;
  const isFormed = typeof passedOn.name === 'string' && lists.every((list) => Array.isArray(passedOn[list]));
  if (!isNewer && !isFormed) return { is: 'unreadable' };
  return migrated<PolicyState>(passedOn, stateMigrations, stateVersion);
}

/** Every version has them. */
const lists = ['retiring', 'watch', 'requests', 'history', 'lastSteps'];

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
