import { placeKey } from '../declared/place.ts';
import type { Policy } from '../declared/policy.ts';
import type { Instant } from '../time/instant.ts';
import { at, type DutySteps } from './duty.ts';
import type { Left } from './rotation.ts';
import type { Undoing } from './state.ts';

/** What its first step does: "put back what store …". */
export function undoWords({ steps: [first] }: Undoing): string {
  if (first === undefined) return 'finish';
  return first.undo === 'write'
    ? `put back what ${placeKey(first.place)} held`
    : `remove the key "${first.marker}" from OpenRouter`;
}

/**
 * Undoes the first step; answers what is left then. Each is idempotent. `removed`: the marker of a key that is gone now.
 * `left`: places that hold somebody else's value now. A store that wants the putting back approved leaves the step, with
 * the request: the next try waits for that.
 */
export async function undoNext(
  undoing: Undoing,
  policy: Policy,
  steps: Pick<DutySteps, 'restoreSecret' | 'reapKey'>,
): Promise<Undoing & { removed: string | null; left: Left[] }> {
  const { rotationId, isShown, key } = undoing;
  const [first, ...rest] = undoing.steps;
  const left = { ...undoing, steps: rest, removed: null, left: [] };
  if (first === undefined) return left;
  if (first.undo === 'write') {
    const { place, before, approval: asked } = first;
    const digest = key?.digest ?? '';
    const restored = await steps.restoreSecret({
      ...at(policy.name, place),
      rotationId,
      before,
      digest,
      approval: asked,
    });
    const { shown, approval = null, left: why = null } = restored;
    const still = approval === null ? rest : [{ ...first, approval }, ...rest];
    return { ...left, steps: still, isShown: isShown || shown, left: why === null ? [] : [{ place, why }] };
  }
  const { marker, hash } = first;
  // Readers may have it: it is withdrawn.
  if (hash !== null && isShown) return left;
  const { workspace } = policy.key;
  const { found } = await steps.reapKey({ connection: policy.connection, workspace, marker, hash, patient: false });
  return { ...left, removed: found ? marker : null };
}

/** When its first step may be done: a write that was lost could still arrive before. null: at once. */
export function notBefore({ steps: [first] }: Undoing): Instant | null {
  return first?.undo === 'write' ? first.notBefore : null;
}
