import fc from 'fast-check';
import { requestIdLength } from '../../../policy/declared/limits.ts';
import { type Place, placeRef } from '../../../policy/declared/place.ts';
import { mostStrays } from '../../../policy/life/next-rotation.ts';
import { mostRetiring } from '../../../policy/life/retiring.ts';
import {
  type FaultNote,
  type Happening,
  newPolicyState,
  type Owed,
  type PlaceState,
  type PolicyState,
  type RotationRecord,
} from '../../../policy/life/state.ts';
import { aPolicy } from './states.ts';

/** Letters, and what is larger on the wire than it looks: emoji, control characters, halves of characters. */
const unit = fc.constantFrom('x', 'é', '語', '😀', '\u0001', '\ud800', '"', '\\');
export const largeText = (most: number) =>
  fc.oneof(
    fc.constant(''),
    fc.string({ maxLength: 20 }),
    fc.tuple(unit, fc.nat(most)).map(([one, n]) => one.repeat(n)),
  );

const at = '2026-11-23T10:00:00.000Z';
const hex = fc.nat(9).map((digit) => String(digit).repeat(64));
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value);

const note: fc.Arbitrary<FaultNote> = fc.record({
  code: fc.constantFrom('KEYTURN_OLD_KEY_STILL_NEEDED', 'KEYTURN_OPENROUTER_RATE_LIMITED'),
  kind: fc.constantFrom('transient', 'needs-attention', 'terminal'),
  message: largeText(300_000),
  remedy: largeText(2_000),
  retryAfterMs: fc.nat(),
});
const owed: fc.Arbitrary<Omit<Owed, 'of'>> = fc
  .tuple(fc.constantFrom('disable', 'delete', 'look'), note, fc.nat(9_999))
  .map(([duty, { retryAfterMs: _, ...fault }, tries]) => ({ duty, tries, retryAt: at, fault }));
const reason = fc.oneof(
  fc.constant({ kind: 'scheduled' as const, date: '2026-11-23' }),
  largeText(300_000).map((said) => ({ kind: 'requested' as const, text: said })),
);

function record(event: RotationRecord['event']): fc.Arbitrary<RotationRecord> {
  return fc.tuple(reason, maybe(note)).map(([asked, fault]) => ({
    event,
    at,
    rotationId: 'r0123456789ab.12',
    reason: asked,
    attempt: 12,
    startedAt: at,
    steps: 124,
    generation: event === 'published' ? 1_234 : null,
    fault,
    nextAttemptAt: at,
  }));
}

const happening: fc.Arbitrary<Happening> = fc.oneof(
  record('published'),
  record('undone'),
  fc.record({ event: fc.constantFrom('applied', 'paused'), at: fc.constant(at), note: largeText(300_000) }),
  fc.record({
    event: fc.constantFrom('disabled', 'deleted'),
    at: fc.constant(at),
    generation: fc.nat(9_999),
    hash: hex,
    note: largeText(100),
  }),
);

/** Now and then as many as there may be. */
const list = <Value>(value: fc.Arbitrary<Value>, most: number): fc.Arbitrary<Value[]> =>
  fc.oneof(
    fc.array(value, { maxLength: 3 }),
    fc.tuple(value, fc.nat(most)).map(([one, n]) => Array<Value>(n).fill(one)),
    value.map((one) => Array<Value>(most).fill(one)),
  );

const label = (n: number) => `${'store'.repeat(9)}-${n}`;
/** As large as the schema of the file lets one be. */
export const largePolicy = aPolicy({
  name: 'a'.repeat(48),
  connection: 'b'.repeat(48),
  key: { ...aPolicy().key, name: '😀'.repeat(50), workspace: '0f8fad5b-d9cb-469f-a165-70867728950e' },
  secret: {
    name: 'S'.repeat(128),
    places: Array.from({ length: 8 }, (_, n) => {
      return { store: label(n), name: 'N'.repeat(200), field: 'f'.repeat(128), required: true };
    }),
    optionalWaitMs: 0,
  },
});

const url = `https://${'u'.repeat(200)}`;

/** With all that may be known of it. */
export function largePlace(place: Place): PlaceState {
  return {
    ...placeRef(place),
    holds: { generation: 1_234, digest: 'd'.repeat(64), verdict: 'unverified', version: 'v'.repeat(64), at },
    lacksSince: at,
    approval: { id: 'a'.repeat(45), url },
    changed: {
      code: 'KEYTURN_PLACE_TAKEN',
      kind: 'needs-attention',
      message: 'm'.repeat(400),
      remedy: 'r'.repeat(200),
    },
  };
}

/** A state of any size up to megabytes: older code bounded no text. Of keys and markers as many as there may be. */
export const largeState: fc.Arbitrary<PolicyState> = fc
  .record({
    retiring: list(
      fc.record({ hash: hex, digest: hex, withdrawn: fc.boolean(), disabledAt: maybe(fc.constant(at)) }),
      mostRetiring + 2,
    ),
    strays: fc.nat(mostStrays + 1),
    places: fc.nat(8),
    /** One for each key and stray there may be, and a few more. */
    owed: list(owed, mostRetiring + mostStrays + 5),
    undoing: fc.boolean(),
    pending: maybe(fc.tuple(reason, fc.boolean())),
    paused: maybe(largeText(300_000)),
    requests: list(largeText(requestIdLength), 100),
    history: list(happening, 30),
    published: maybe(record('published')),
    undone: maybe(record('undone')),
    steps: list(largeText(3_000), 124),
    dropped: list(fc.record({ message: largeText(60), why: largeText(1_000), at: fc.constant(at) }), 10),
    ending: fc.boolean(),
  })
  .map(
    ({
      retiring,
      strays,
      places,
      owed,
      undoing,
      pending,
      paused,
      requests,
      published,
      undone,
      steps,
      ending,
      ...drawn
    }): PolicyState => {
      const { name } = largePolicy;
      const current = {
        generation: 1_234,
        hash: 'c'.repeat(64),
        digest: 'd'.repeat(64),
        rotationId: 'r0123456789ab.12',
        publishedAt: at,
        sealed: 's'.repeat(160),
        isMarked: true,
      };
      return {
        ...newPolicyState(name),
        policy: largePolicy,
        current,
        ...drawn,
        places: largePolicy.secret.places.slice(0, places).map(largePlace),
        leaving: [],
        retiring: retiring.map((key, n) => ({ ...key, generation: n, publishedAt: at, disableAt: at, deleteAt: at })),
        strays: Array.from({ length: strays }, (_, n) => ({
          marker: `keyturn:${name}:r0123456789ab.${n}:2`,
          lookAt: [at, at, at],
        })),
        owed: owed.map((one, n) => ({ ...one, of: String(n).repeat(64).slice(0, 64) })),
        undoing: undoing
          ? {
              rotationId: 'r0123456789ab.12',
              key: { generation: 1_235, hash: 'e'.repeat(64), digest: 'f'.repeat(64) },
              isShown: true,
              steps: largePolicy.secret.places.map((place) => ({
                undo: 'write' as const,
                place: placeRef(place),
                before: 'm'.repeat(800),
                notBefore: at,
                approval: { id: 'a'.repeat(45), url },
              })),
            }
          : null,
        pending: pending && {
          rotationId: 'r0123456789ab',
          reason: pending[0],
          askedAt: at,
          endGrace: pending[1],
        },
        paused: paused === null ? null : { at, reason: paused },
        requests: requests.map((requestId) => ({ requestId, rotationId: 'r0123456789ab' })),
        lastRotations: { published, undone },
        lastSteps: steps.map((told) => ({ step: 'storeSecret', state: 'done', startedAt: at, tookMs: 9, note: told })),
        ending: ending ? { mode: 'destroy', clearedAt: null } : null,
      };
    },
  );
