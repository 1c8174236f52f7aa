import { remembered } from '../policy/life/bounds.ts';
import type { Happening, PolicyState } from '../policy/life/state.ts';

const turns = 10;

/**
 * The state of a policy with one key as it is after many: history is full of rotations and revoked keys, and the last
 * requests are remembered.
 */
export function longLived(state: PolicyState): PolicyState {
  const { current, history } = state;
  const published = history.find(({ event }) => event === 'published');
  if (current === null || published === undefined) throw new Error('the policy has no key yet');
  const { generation, hash } = current;
  const revoked = (['disabled', 'deleted'] as const).map((event): Happening => {
    return { event, at: published.at, generation, hash, note: '' };
  });
  const requests = Array.from({ length: turns }, (_, n) => {
    return { requestId: `00000000-0000-4000-8000-00000000000${n}`, rotationId: current.rotationId };
  });
  const happened = Array.from({ length: turns }, () => [...revoked, published]).flat();
  return { ...state, history: remembered(happened), requests };
}
