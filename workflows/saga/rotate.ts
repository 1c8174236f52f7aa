import type { CreatedKey, CreateKeyInput } from '../../activities/create-key.ts';
import type { Policy } from '../../policy/declared/policy.ts';
import type { Outcome, Rotation } from '../../policy/life/rotation.ts';
import type { FaultNote, KeyRef, PlaceVerdict, Undoing, UndoStep } from '../../policy/life/state.ts';
import { undoNext } from '../../policy/life/undoing.ts';
import { plus } from '../../policy/time/instant.ts';
import { faultOf, type Steps, type Ways } from './steps.ts';

/** How long a store may show an older value after a write; longer, and it holds something else. */
const settlingMs = 10 * 60_000;

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
  const places: PlaceVerdict[] = [];
  let created: CreatedKey | null = null;

  try {
    const made = await createUnambiguously(rotation, { forward: step, back }, undos, lost);
    created = made.created;
    const { hash, sealed, digest, expiresAt } = created;
    await step.verifyKey({ policy: name, connection, rotationId, marker: made.marker, hash, sealed, key, expiresAt });

    for (const store of secret.stores) {
      const target = { policy: name, store, secret: secret.name };
      const before = await step.captureSecret(target);
      undos.unshift({ undo: 'write', store, secret: secret.name, before });
      await step.storeSecret({ ...target, rotationId, sealed });
      const verdict = await step.verifySecret({ ...target, digest, settledAt: plus(step.now(), settlingMs) });
      places.push({ store, verdict, at: step.now() });
    }
  } catch (error) {
    const ref = created && keyRef(generation, created);
    const undone = await undo({ rotationId, key: ref, isShown: false, steps: undos }, policy, back, lost);
    return { kind: 'undone', fault: faultOf(error), ...undone, lostMarkers: [...lost] };
  }

  // Published: every store holds, verified, the new secret. From here on only forward.
  const fault = await faultIn(back.renameKey({ connection, hash: created.hash, name: key.name }));
  const published = { ...keyRef(generation, created), sealed: created.sealed, places };
  return { kind: 'published', key: published, fault, lostMarkers: [...lost] };
}

/** Undoes step by step. What fails ends it, and the policy owes the rest: a key must not go while a place holds it. */
async function undo(
  undoing: Undoing,
  policy: Policy,
  back: Steps,
  lost: Set<string>,
): Promise<{ undoing: Undoing; undoFault: FaultNote | null }> {
  let left = undoing;
  while (left.steps.length > 0) {
    try {
      const { removed, ...rest } = await undoNext(left, policy, back);
      if (removed !== null) lost.delete(removed);
      left = rest;
    } catch (error) {
      return { undoing: left, undoFault: faultOf(error) };
    }
  }
  return { undoing: left, undoFault: null };
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
