import type { CreatedKey, CreateKeyInput } from '../../activities/create-key.ts';
import type { Policy } from '../../policy/declared/policy.ts';
import type { FaultNote, KeyRef, PlaceVerdict } from '../../policy/life/state.ts';
import { plus } from '../../policy/time/instant.ts';
import { faultOf, type Steps, type Ways } from './steps.ts';
import { UndoStack } from './undo-stack.ts';

/** `creates`: how many POSTs it may send, one or more (policy/life/watch.ts). */
export type Rotation = { id: string; policy: Policy; generation: number; creates: number };

/**
 * `lostMarkers`: creates whose answer was lost and whose key was not found; it may still turn up. `withdrawn`: the key of
 * a rotation that was undone after a store had shown it.
 */
export type Outcome = { lostMarkers: string[] } & (
  | { kind: 'published'; key: KeyRef & { sealed: string; places: PlaceVerdict[] }; fault: FaultNote | null }
  | { kind: 'undone'; fault: FaultNote; withdrawn: KeyRef | null }
);

/** How long a store may show an older value after a write; longer, and it holds something else. */
const settlingMs = 10 * 60_000;

/**
 * One rotation: from a policy and the key it has now to a published key, or back to exactly what there was.
 * Plain async code: the entity workflow runs it with activities as steps, the simulated world with its own.
 */
export async function rotate(rotation: Rotation, { forward: step, back }: Ways): Promise<Outcome> {
  const { id: rotationId, policy, generation } = rotation;
  const { name, connection, secret, key } = policy;
  const undo = new UndoStack();
  const lost = new Set<string>();
  const fresh: Fresh = { created: null, isShown: false };
  const places: PlaceVerdict[] = [];
  let created: CreatedKey;

  try {
    const made = await createUnambiguously(rotation, { forward: step, back }, undo, lost, fresh);
    created = made.created;
    const { hash, sealed, digest, expiresAt } = created;
    await step.verifyKey({ policy: name, connection, rotationId, marker: made.marker, hash, sealed, key, expiresAt });

    for (const store of secret.stores) {
      const target = { policy: name, store, secret: secret.name };
      const before = await step.captureSecret(target);
      undo.push(`put back what store "${store}" held`, async () => {
        const { shown } = await back.restoreSecret({ ...target, rotationId, before });
        fresh.isShown ||= shown;
      });
      await step.storeSecret({ ...target, rotationId, sealed });
      const verdict = await step.verifySecret({ ...target, digest, settledAt: plus(step.now(), settlingMs) });
      places.push({ store, verdict, at: step.now() });
    }
  } catch (error) {
    await undo.run(back);
    const withdrawn = fresh.isShown && fresh.created !== null ? keyRef(generation, fresh.created) : null;
    return { kind: 'undone', fault: faultOf(error), withdrawn, lostMarkers: [...lost] };
  }

  // Published: every store holds, verified, the new secret. From here on only forward.
  const fault = await faultIn(back.renameKey({ connection, hash: created.hash, name: key.name }));
  const published = { ...keyRef(generation, created), sealed: created.sealed, places };
  return { kind: 'published', key: published, fault, lostMarkers: [...lost] };
}

/** The key of this rotation, and whether readers may have it: then its undo leaves it alone, and it is withdrawn. */
type Fresh = { created: CreatedKey | null; isShown: boolean };

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
  undo: UndoStack,
  lost: Set<string>,
  fresh: Fresh,
) {
  const { id: rotationId, policy, creates } = rotation;
  const { connection, key } = policy;
  for (let n = 1; ; n++) {
    const marker = `keyturn:${policy.name}:${rotationId}:${n}`;
    let hash: string | null = null;
    const reap = async (patient: boolean) => {
      if (hash !== null && fresh.isShown) return;
      const { found } = await back.reapKey({ connection, workspace: key.workspace, marker, hash, patient });
      if (found) lost.delete(marker);
    };

    undo.push(`remove the key "${marker}" from OpenRouter`, () => reap(false));
    try {
      const created = await inTurn(forward, { policy: policy.name, connection, rotationId, marker, key });
      hash = created.hash;
      fresh.created = created;
      return { created, marker };
    } catch (error) {
      if (provesNoKey(faultOf(error))) {
        undo.drop();
        throw error;
      }
      lost.add(marker);
      await reap(true);
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
