import type { CreatedKey, CreateKeyInput } from '../../activities/create-key.ts';
import { type PlaceRef, placeRef } from '../../policy/declared/place.ts';
import type { Policy } from '../../policy/declared/policy.ts';
import { at, type CapturedSecret } from '../../policy/life/duty.ts';
import { type Held, type Left, type Outcome, type Rotation, settlingMs } from '../../policy/life/rotation.ts';
import type { FaultNote, KeyRef, Memento, Undoing, UndoStep } from '../../policy/life/state.ts';
import { notBefore, undoNext } from '../../policy/life/undoing.ts';
import { type Instant, msBetween, plus } from '../../policy/time/instant.ts';
import { faultOf, type Steps, type Ways } from './steps.ts';

/**
 * One rotation: from a policy and the key it has now to a published key, or back to exactly what there was.
 * Plain async code: the entity workflow runs it with activities as steps, the simulated world with its own.
 */
export async function rotate(rotation: Rotation, { forward: step, back }: Ways): Promise<Outcome> {
  const { id: rotationId, policy, generation } = rotation;
  const { name, connection, secret, key } = policy;
  /** What is to be undone where a step fails, first things first: noted before the step, whose answer can be lost. */
  const undos: UndoStep[] = [];
  const lost = new Set<string>();
  const places: Held[] = [];
  let created: CreatedKey | null = null;

  try {
    const made = await createUnambiguously(rotation, { forward: step, back }, undos, lost);
    created = made.created;
    const { hash, sealed, expiresAt } = created;
    await step.verifyKey({ policy: name, connection, rotationId, marker: made.marker, hash, sealed, key, expiresAt });

    for (const place of secret.places.filter(({ required }) => required)) {
      places.push(await writtenTo(placeRef(place), { rotation, created }, step, undos));
    }
  } catch (error) {
    const ref = created && keyRef(generation, created);
    const undone = await undo({ rotationId, key: ref, isShown: false, steps: undos }, policy, back, lost);
    return { kind: 'undone', fault: faultOf(error), ...undone, lostMarkers: [...lost] };
  }

  // Published: every required place holds, verified, the new secret. From here on only forward.
  const fault = await faultIn(back.renameKey({ connection, hash: created.hash, name: key.name }));
  const published = { ...keyRef(generation, created), sealed: created.sealed };
  return { kind: 'published', key: published, places, fault, lostMarkers: [...lost] };
}

/** The place holds the new secret, verified; or this throws, with all that is to be undone noted. */
async function writtenTo(
  place: PlaceRef,
  { rotation, created }: { rotation: Rotation; created: CreatedKey },
  step: Steps,
  undos: UndoStep[],
): Promise<Held> {
  const { id: rotationId, policy } = rotation;
  const { sealed, digest } = created;
  const target = at(policy.name, place);
  const before = await step.captureSecret({ ...target, rotationId });
  const undo: UndoStep & { undo: 'write' } = {
    ...{ undo: 'write', place, before: mementoIn(before), notBefore: null, approval: null },
  };
  undos.unshift(undo);
  const written = await step
    .storeSecret({ ...target, rotationId, sealed, before: undo.before })
    // However it ended: a try that was lost may take effect for as long after it.
    .finally(() => {
      undo.notBefore = lostWriteEnd(before, step.now());
    });
  // Workers before there were places answered nothing.
  const { approval = null, version = null } = written ?? {};
  undo.approval = approval;
  const settledAt = plus(step.now(), settlingMs);
  const verdict = await step.verifySecret({ ...target, digest, settledAt, approval });
  return { place, verdict, version, at: step.now() };
}

/** Workers before there were places answered the memento itself. */
function mementoIn(captured: CapturedSecret): Memento {
  return captured.sealed ?? captured;
}

function lostWriteEnd({ lostWriteLifeMs }: CapturedSecret, now: Instant): Instant | null {
  return lostWriteLifeMs ? plus(now, lostWriteLifeMs) : null;
}

/**
 * Undoes step by step. A place that refuses does not keep the others from being put back; the policy owes what is left.
 * The key comes last, and not before: it must not go while a place holds it.
 */
async function undo(
  undoing: Undoing,
  policy: Policy,
  back: Steps,
  lost: Set<string>,
): Promise<{ undoing: Undoing; undoFault: FaultNote | null; left: Left[] }> {
  let rest = undoing;
  let undoFault: FaultNote | null = null;
  const owed: UndoStep[] = [];
  const left: Left[] = [];
  for (let [first] = rest.steps; first !== undefined; [first] = rest.steps) {
    if (undoFault !== null && first.undo === 'create') break;
    try {
      const waitMs = msBetween(back.now(), notBefore(rest) ?? back.now());
      if (waitMs > 0) await back.pause(waitMs, 'until no lost write can arrive any more');
      const { removed, left: foreign, ...next } = await undoNext(rest, policy, back);
      if (removed !== null) lost.delete(removed);
      left.push(...foreign);
      rest = next;
    } catch (error) {
      undoFault ??= faultOf(error);
      owed.push(first);
      rest = { ...rest, steps: rest.steps.slice(1) };
    }
  }
  return { undoing: { ...rest, steps: [...owed, ...rest.steps] }, undoFault, left };
}

function keyRef(generation: number, { hash, digest }: CreatedKey): KeyRef {
  return { generation, hash, digest };
}

/** OpenRouter's own limit: decided before anything is done, so no key was made. */
const rateLimited = 'KEYTURN_OPENROUTER_RATE_LIMITED';
/** Where the error does not say how long to wait. */
const turnMs = 60_000;
/** A rotation that was told to wait for this long in all is undone, and says so. */
const longestWaitMs = 6 * 3_600_000;

/**
 * A key whose answer arrived. Where an answer is lost its key may exist: it is looked for and removed, and another is
 * made under a new marker, never under the same.
 */
async function createUnambiguously(
  rotation: Rotation,
  { forward, back }: Ways,
  undos: UndoStep[],
  lost: Set<string>,
): Promise<{ created: CreatedKey; marker: string }> {
  const { id: rotationId, policy, creates } = rotation;
  const { connection, key } = policy;
  for (let n = 1; ; n++) {
    const marker = `keyturn:${policy.name}:${rotationId}:${n}`;
    undos.unshift({ undo: 'create', marker, hash: null });
    try {
      const created = await inTurn(forward, { policy: policy.name, connection, rotationId, marker, key });
      undos[0] = { undo: 'create', marker, hash: created.hash };
      return { created, marker };
    } catch (error) {
      if (provesNoKey(faultOf(error))) {
        undos.shift();
        throw error;
      }
      lost.add(marker);
      const { found } = await back.reapKey({ connection, workspace: key.workspace, marker, hash: null, patient: true });
      if (found) lost.delete(marker);
      if (n >= creates) throw error;
    }
  }
}

/** Where OpenRouter asks to be left alone, a create is sent later: that is no failure, and nothing was made. */
async function inTurn(step: Steps, input: CreateKeyInput): Promise<CreatedKey> {
  for (let waitedMs = 0; ; ) {
    try {
      return await step.createKey(input);
    } catch (error) {
      const told = faultOf(error);
      const { retryAfterMs = turnMs } = told;
      waitedMs += retryAfterMs;
      if (!isSentAgain(told) || waitedMs > longestWaitMs) throw error;
      await step.pause(Math.max(1_000, retryAfterMs), `its turn with connection ${input.connection}`);
    }
  }
}

/** A create that was refused by a rate limit, or never sent: both say when to come again. */
export function isSentAgain({ code, kind, retryAfterMs }: FaultNote): boolean {
  return code === rateLimited || (kind === 'transient' && retryAfterMs !== undefined);
}

/** An error that Keyturn does not expect may have come after OpenRouter had made the key. */
function provesNoKey({ kind, code }: FaultNote): boolean {
  return kind !== 'ambiguous' && code !== 'KEYTURN_INTERNAL';
}

async function faultIn(done: Promise<void>): Promise<FaultNote | null> {
  try {
    await done;
    return null;
  } catch (error) {
    return faultOf(error);
  }
}
