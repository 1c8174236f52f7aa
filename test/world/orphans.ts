import type { WorldKey } from './openrouter.ts';
import type { World } from './world.ts';

/** Live keys that the policy's state does not account for. A policy that is deleted has no current key any more. */
export function orphansIn({ entity, openrouter }: World): WorldKey[] {
  const { current, retiring, ending, undoing } = entity.state();
  const kept = current === null || (ending !== null && ending.mode !== 'detach') ? [] : [current];
  // What was not undone when its policy was detached, the policy's result tells.
  const told = ending?.mode === 'detach' && undoing?.key ? [undoing.key] : [];
  const known = new Set([...retiring, ...kept, ...told].map(({ hash }) => hash));
  return openrouter.live().filter(({ hash }) => !known.has(hash));
}
