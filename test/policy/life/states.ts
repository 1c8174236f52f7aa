import { placeRef } from '../../../policy/declared/place.ts';
import { type Policy, policyVersion } from '../../../policy/declared/policy.ts';
import { nextStep } from '../../../policy/life/agenda.ts';
import { afterRotation, begun } from '../../../policy/life/duties/rotate.ts';
import type { DutySteps } from '../../../policy/life/duty.ts';
import type { Concluded, Rotation } from '../../../policy/life/rotation.ts';
import type { PolicyState, RotationReason } from '../../../policy/life/state.ts';
import { liveOn, newLife } from '../../../workflows/policy-life.ts';
import { StepFailed, type Steps } from '../../../workflows/saga/steps.ts';

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

export function aPolicy(changes: Partial<Policy> = {}): Policy {
  return {
    version: policyVersion,
    name: 'demo',
    connection: 'main',
    schedule: { every: 30, at: '03:30', timeZone: 'Europe/Berlin' },
    autoRotate: true,
    key: {
      name: 'demo-key',
      limit: 50,
      limitReset: 'monthly',
      includeByokInLimit: false,
      workspace: null,
      expiresAfterMs: null,
    },
    secret: secretIn('OPENROUTER_API_KEY'),
    graceMs: day,
    quarantineMs: 7 * day,
    ...changes,
  };
}

/** The secret of this name in these stores, all of them required. */
export function secretIn(name: string, ...stores: string[]): Policy['secret'] {
  const places = (stores.length === 0 ? ['local'] : stores).map((store) => ({
    store,
    name,
    field: null,
    required: true,
  }));
  return { name, places, optionalWaitMs: 7 * day };
}

/** A rotation and what came of it. */
export type Told = { rotation: Rotation; end: Concluded };

export function published(id: string, generation: number, reason: RotationReason, startedAt: string): Told {
  const key = { generation, hash: `hash-${generation}`, digest: `digest-${generation}`, sealed: '' };
  const end: Concluded = { kind: 'published', key, places: [], fault: null, lostMarkers: [], steps: [] };
  return { rotation: rotation(id, reason, startedAt), end };
}

export function undone(id: string, reason: RotationReason, startedAt: string, lostMarkers: string[] = []): Told {
  const fault = { code: 'KEYTURN_OPENROUTER_UNAVAILABLE', kind: 'transient', message: 'down', remedy: 'wait' };
  const undoing = { rotationId: id, key: null, isShown: false, steps: [] };
  const end: Concluded = { kind: 'undone', fault, undoing, undoFault: null, left: [], lostMarkers, steps: [] };
  return { rotation: rotation(id, reason, startedAt), end };
}

function rotation(id: string, reason: RotationReason, startedAt: string): Rotation {
  return { id, policy: aPolicy(), reason, attempt: 1, startedAt, generation: 1, creates: 1 };
}

/** The state after it, by the policy that the state has. */
export function rotated(state: PolicyState, { rotation, end }: Told, now: string): PolicyState {
  const policy = state.policy ?? rotation.policy;
  const places = policy.secret.places.map((place) => {
    return { place: placeRef(place), verdict: 'matches' as const, version: null, at: now };
  });
  const ended: Concluded = end.kind === 'published' ? { ...end, places } : end;
  return afterRotation(begun(state), { ...rotation, policy }, ended, now);
}

/** `nextStep`, with the name of the duty that is due. */
export function whatNext(state: PolicyState, now: string) {
  const step = nextStep(state, now);
  return step.do === 'duty' ? { do: step.due.duty.name, what: step.due.what } : { what: null, ...step };
}

/** Carries out what is due at `now` as the policy does, its steps being those given. */
export async function carriedOut(state: PolicyState, now: string, steps: Partial<DutySteps>): Promise<PolicyState> {
  const life = newLife(state);
  await liveOn(life, {
    steps: () => steps as Steps,
    rotate: () => Promise.reject(new Error('no rotation is due')),
    now: () => now,
    newRotationId: () => 'r',
    sleep: () => Promise.reject(new Error('nothing is due')),
    show: () => {},
  });
  return life.state;
}

/** The same for a step that fails. */
export function failing(code: string, kind = 'transient'): () => Promise<never> {
  return () => Promise.reject(new StepFailed({ code, kind, message: '', remedy: '' }));
}
