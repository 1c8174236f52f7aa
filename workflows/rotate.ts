import type { CreatedKey, CreateKeyInput } from '../activities/create-key.ts';
import type { Policy } from '../policy/policy.ts';
import type { FaultNote, KeyRef } from '../policy/state.ts';
import { faultOf, type Steps } from './steps.ts';
import { UndoStack } from './undo-stack.ts';

/** `creates`: how many POSTs it may send, one or more (policy/watch.ts). */
export type Rotation = { id: string; policy: Policy; generation: number; creates: number };

/** `lostMarkers`: creates whose answer was lost and whose key was not found; it may still turn up. */
export type Outcome = { lostMarkers: string[] } & (
  | { kind: 'published'; key: KeyRef; fault: FaultNote | null }
  | { kind: 'undone'; fault: FaultNote }
);

/**
 * One rotation: from a policy and the key it has now to a published key, or back to exactly what there was.
 * Plain async code: the entity workflow runs it with activities as `step`, the simulated world with its own.
 */
export async function rotate(rotation: Rotation, step: Steps): Promise<Outcome> {
  const { id: rotationId, policy, generation } = rotation;
  const { name, connection, secret, key } = policy;
  const undo = new UndoStack();
  const lost = new Set<string>();
  let created: CreatedKey;

  try {
    const made = await createUnambiguously(rotation, step, undo, lost);
    created = made.created;
    const { hash, sealed, digest, expiresAt } = created;
    await step.verifyKey({ policy: name, connection, rotationId, marker: made.marker, hash, sealed, key, expiresAt });

    for (const store of secret.stores) {
      const target = { policy: name, store, secret: secret.name };
      const before = await step.captureSecret(target);
      undo.push(`put back what store "${store}" held`, () => step.restoreSecret({ ...target, rotationId, before }));
      await step.storeSecret({ ...target, rotationId, sealed });
      await step.verifySecret({ ...target, digest });
    }
  } catch (error) {
    await undo.run(step);
    return { kind: 'undone', fault: faultOf(error), lostMarkers: [...lost] };
  }

  // Published: every store holds, verified, the new secret. From here on only forward.
  const fault = await faultIn(step.renameKey({ connection, hash: created.hash, name: key.name }));
  const { hash, digest } = created;
  return { kind: 'published', key: { generation, hash, digest }, fault, lostMarkers: [...lost] };
}

/** Too many requests of the connection wait; this one was not sent. */
export const outOfTurn = 'KEYTURN_CONNECTION_BUSY';
/** Where the error does not say how long the line is. */
const turnMs = 60_000;

/**
 * A key whose answer arrived. Where an answer is lost its key may exist: it is looked for and removed, and another is
 * made under a new marker, never under the same.
 */
async function createUnambiguously(rotation: Rotation, step: Steps, undo: UndoStack, lost: Set<string>) {
  const { id: rotationId, policy, creates } = rotation;
  const { connection, key } = policy;
  for (let n = 1; ; n++) {
    const marker = `keyturn:${policy.name}:${rotationId}:${n}`;
    let hash: string | null = null;
    const reap = async (patient: boolean) => {
      const { found } = await step.reapKey({ connection, workspace: key.workspace, marker, hash, patient });
      if (found) lost.delete(marker);
    };

    undo.push(`remove the key "${marker}" from OpenRouter`, () => reap(false));
    try {
      const created = await inTurn(step, { policy: policy.name, connection, rotationId, marker, key });
      hash = created.hash;
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

/**
 * Where more policies are due at one time than their connection takes requests, each waits until it is its turn: that is
 * no failure, and nothing was sent.
 */
async function inTurn(step: Steps, input: CreateKeyInput): Promise<CreatedKey> {
  for (;;) {
    try {
      return await step.createKey(input);
    } catch (error) {
      const { code, retryAfterMs = turnMs } = faultOf(error);
      if (code !== outOfTurn) throw error;
      await step.pause(retryAfterMs, `its turn with connection ${input.connection}`);
    }
  }
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
