import { type PlaceInput, spotOf } from './place-at.ts';
import type { Tools } from './tools.ts';

/** `digests`: of the policy's keys; workflows from before there were places, which wrote to the local vault only, say none. */
export type RemoveSecretInput = PlaceInput & { digests?: string[]; keep?: boolean };

/**
 * Takes the secret out of a place, where it is one of the policy's and not to be kept: no place of a policy that ends may
 * hold a disabled key (I2). Then the place is free for other policies.
 */
export function removeSecret({ store, leases }: Tools) {
  return async (input: RemoveSecretInput): Promise<'removed' | 'left'> => {
    const { policy, digests = [], keep = false } = input;
    const opened = await store(input.store);
    const spot = spotOf(input);
    const end = keep ? 'left' : await opened.remove(spot, policy, digests);
    const address = await opened.addressOf(spot);
    if (address !== null) await leases.release({ address, field: spot.field }, policy);
    return end;
  };
}
