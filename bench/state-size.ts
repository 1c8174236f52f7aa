import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import fc from 'fast-check';
import { payloadCodec } from '../codec/payload-codec.ts';
import { freshKeyring } from '../keyring/keyring.ts';
import { placeRef } from '../policy/declared/place.ts';
import type { Policy } from '../policy/declared/policy.ts';
import { nextStep, withoutStale } from '../policy/life/agenda.ts';
import { bounded } from '../policy/life/bounds.ts';
import { afterRotation, begun } from '../policy/life/duties/rotate.ts';
import { attemptOf, type NextRotation } from '../policy/life/next-rotation.ts';
import { owing } from '../policy/life/owed.ts';
import { changeRetiring } from '../policy/life/retiring.ts';
import type { Concluded } from '../policy/life/rotation.ts';
import type { FaultNote, PolicyState, RetiringKey, StepReport, UndoStep } from '../policy/life/state.ts';
import { DAY_MS, HOUR_MS } from '../policy/time/duration.ts';
import { plus } from '../policy/time/instant.ts';
import { largePolicy, largeState, largeText } from '../test/policy/life/large-states.ts';
import { plainPolicy } from '../test/world/plain-policy.ts';
import { createWorld } from '../test/world/world.ts';
import { admit, hearSignal, type MessageName, take } from '../workflows/inbox.ts';
import { type Life, newLife } from '../workflows/policy-life.ts';
import type { Figure } from './table.ts';

const lives = 150;
const kilobyte = 1024;

/** Bytes of a policy's state as it is passed on from run to run: encrypted, as Temporal stores it. */
export async function stateSize(): Promise<Figure[]> {
  let worst = 0;
  for (const life of fc.sample(hostileLife, { numRuns: lives, seed: 1 })) {
    worst = Math.max(worst, await encodedBytes(bounded(life.state)));
  }
  const year = await encodedBytes(bounded(await afterAYear()));
  return [
    figure('state.worstKilobytes', 'state, the worst that a fuzzer finds', worst, 64),
    figure('state.yearKilobytes', 'state after a year of daily rotations', year, 8),
  ];
}

function figure(id: string, name: string, bytes: number, atMost: number): Figure {
  return { id, name, value: bytes / kilobyte, unit: 'KB', budget: { atMost } };
}

const codec = payloadCodec(freshKeyring(), 'bench');

async function encodedBytes(state: PolicyState): Promise<number> {
  const [encrypted] = await codec.encode([defaultPayloadConverter.toPayload(state) as Payload]);
  return proto.temporal.api.common.v1.Payload.encode(encrypted as Payload).finish().length;
}

/** The defaults of a policy file, with which a week of former keys is in quarantine. */
async function afterAYear(): Promise<PolicyState> {
  const policy = plainPolicy({ graceMs: 24 * HOUR_MS, quarantineMs: 7 * DAY_MS });
  const { clock, entity } = createWorld({
    seed: 1,
    startMs: Date.UTC(2026, 0, 1),
    policy,
    injections: () => null,
    propagation: { edges: 1, newKeyMs: () => 0, oldKeyMs: () => 0 },
    latencyMs: null,
  });
  await clock.run(entity.apply(policy).then(() => clock.wait(365 * DAY_MS)));
  // The world reports no steps.
  return { ...entity.state(), lastSteps: stepsOf(6) };
}

function stepsOf(many: number): StepReport[] {
  const startedAt = '2026-12-31T03:30:00.000Z';
  const note = 'first OPENROUTER_API_KEY';
  return Array.from({ length: many }, () => ({ step: 'captureSecret', state: 'done', startedAt, tookMs: 1_234, note }));
}

/** What is done to a policy, and what comes of what it does. */
type Act = (life: Life, now: string, newId: () => string) => void;

const signal = fc
  .tuple(
    fc.oneof(fc.constantFrom('rotateNow', 'pause', 'resume', 'refresh'), largeText(60)),
    fc.oneof(
      largeText(100_000).map((reason) => ({ reason })),
      fc.jsonValue(),
    ),
  )
  .map(
    ([name, input]): Act =>
      (life, now, newId) =>
        void hearSignal(life, name, input, { now, newId }),
  );

const update = fc
  .tuple(
    fc.constantFrom<MessageName>('rotate', 'rotate', 'applyPolicy'),
    fc.oneof(
      fc
        .tuple(largeText(100), largeText(100_000))
        .map(([requestId, reason]) => ({ requestId, reason, endGrace: true })),
      fc.nat(9_999).map((graceMs): Policy => ({ ...largePolicy, graceMs })),
    ),
  )
  .map(
    ([name, input]): Act =>
      (life, now, newId) => {
        const admitted = admit(life, name, input);
        if ('value' in admitted) take(life, name, admitted.value as never, { now, newId });
      },
  );

const outcome = fc
  .record({ isGood: fc.boolean(), isAnswered: fc.boolean(), isShown: fc.boolean(), said: largeText(100_000) })
  .map(
    (drawn): Act =>
      (life, now) =>
        carriedOut(life, now, drawn),
  );

/** A state of any size to begin with, then what a policy meets, as often as it takes to fill it. */
const hostileLife = fc
  .tuple(
    fc.boolean(),
    largeState,
    fc.array(fc.oneof(signal, update, outcome, outcome), { maxLength: 400, size: 'max' }),
  )
  .map(([isNew, large, acts]) => {
    const state = isNew
      ? { ...large, retiring: [], strays: [], owed: [], undoing: null, history: [], ending: null }
      : { ...large, ending: null };
    const life = newLife(state);
    let ids = 0;
    let now = '2026-11-23T10:00:00.000Z';
    for (const act of acts) {
      act(life, now, () => `r${String(++ids).padStart(12, '0')}`);
      const step = nextStep(life.state, now);
      now = plus(step.do === 'sleep' && step.until !== null && step.until > now ? step.until : now, 1_000);
    }
    return life;
  });

type Drawn = { isGood: boolean; isAnswered: boolean; isShown: boolean; said: string };

/** What is due, with an outcome that was drawn: former keys are refused again and again, so that they pile up. */
function carriedOut(life: Life, now: string, { isGood, isAnswered, isShown, said }: Drawn): void {
  const { state } = life;
  const step = nextStep(state, now);
  if (step.do !== 'duty') return;
  const { duty, of, what } = step.due;
  const fault: FaultNote = { code: 'KEYTURN_OPENROUTER_REFUSED', kind: 'terminal', message: said, remedy: said };
  if (duty.name !== 'rotate') {
    life.state = withoutStale(
      isGood ? doneWith(state, duty.name, what, now) : owing(state, duty.name, of, fault, now),
      now,
    );
    return;
  }
  const { reason, pending } = what as NextRotation;
  const generation = state.newestGeneration + 1;
  const key = { generation, hash: String(generation).padStart(64, '0'), digest: 'd'.repeat(64) };
  const id = pending?.rotationId ?? `s${generation}`;
  const lostMarkers = isAnswered ? [] : [1, 2].map((n) => `keyturn:${largePolicy.name}:${id}:${n}`);
  const rotation = {
    id,
    policy: largePolicy,
    reason,
    attempt: attemptOf(state),
    startedAt: now,
    generation,
    creates: 2,
  };
  const places = largePolicy.secret.places.map((place) => {
    return { place: placeRef(place), verdict: 'unverified' as const, version: 'v'.repeat(64), at: now };
  });
  const undoing = { rotationId: id, key, isShown, steps: isShown ? [] : undosOf(id) };
  const end: Concluded = isGood
    ? { kind: 'published', key: { ...key, sealed: 's'.repeat(160) }, places, fault, lostMarkers, steps: stepsOf(124) }
    : { kind: 'undone', fault, undoing, undoFault: isShown ? null : fault, left: [], lostMarkers, steps: stepsOf(124) };
  life.state = afterRotation(begun(state), rotation, end, now);
}

/** As if all had gone well; former keys are kept for a year, so that they pile up. */
function doneWith(state: PolicyState, duty: string, what: unknown, now: string): PolicyState {
  if (duty === 'disable')
    return changeRetiring(state, what as RetiringKey, { disabledAt: now, deleteAt: plus(now, 365 * DAY_MS) });
  if (duty === 'look') return { ...state, strays: state.strays.filter((stray) => stray !== what) };
  if (duty === 'undo') return { ...state, undoing: null };
  if (duty === 'confirm') return { ...state, confirmedRun: state.next?.utc ?? null };
  if (duty === 'plan')
    return { ...state, next: { date: '2026-12-23', utc: plus(now, DAY_MS), local: '', timeZone: 'UTC' } };
  if (duty === 'rename' && state.current !== null) return { ...state, current: { ...state.current, isMarked: false } };
  return state;
}

function undosOf(id: string): UndoStep[] {
  const before = 'm'.repeat(800);
  return [
    ...largePolicy.secret.places.map((place) => {
      return { undo: 'write' as const, place: placeRef(place), before, notBefore: null, approval: null };
    }),
    { undo: 'create', marker: `keyturn:${largePolicy.name}:${id}:1`, hash: 'e'.repeat(64) },
  ];
}
