import type { Policy } from '../declared/policy.ts';
import type { DutySteps } from './duty.ts';
import type { Undoing } from './state.ts';

/** What its first step does: "put back what store …". */
export function undoWords({ steps: [first] }: Undoing): string {
  if (first === undefined) return 'finish';
  return first.undo === 'write'
    ? `put back what store "${first.store}" held`
    : `remove the key "${first.marker}" from OpenRouter`;
}

/**
 * Undoes the first step; answers what is left then. Each is idempotent. `removed`: the marker of a key that is gone now.
 */
export async function undoNext(
  undoing: Undoing,
  policy: Policy,
  steps: Pick<DutySteps, 'restoreSecret' | 'reapKey'>,
): Promise<Undoing & { removed: string | null }> {
  const { rotationId, isShown } = undoing;
  const [first, ...rest] = undoing.steps;
  const left = { ...undoing, steps: rest, removed: null };
  if (first === undefined) return left;
  if (first.undo === 'write') {
    const { store, secret, before } = first;
    const { shown } = await steps.restoreSecret({ policy: policy.name, rotationId, store, secret, before });
    return { ...left, isShown: isShown || shown };
  }
  const { marker, hash } = first;
  // Readers may have it: it is withdrawn.
  if (hash !== null && isShown) return left;
  const { workspace } = policy.key;
  const { found } = await steps.reapKey({ connection: policy.connection, workspace, marker, hash, patient: false });
  return { ...left, removed: found ? marker : null };
}
