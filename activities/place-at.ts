import type { Policy } from '../policy/declared/policy.ts';
import { type At, at } from '../policy/life/duty.ts';
import { sealingContext } from '../secrets/seal.ts';
import type { Spot } from '../stores/store.ts';

/** Workflows from before there were places say no field. */
export type PlaceInput = Omit<At, 'field'> & { field?: string | null; brief?: true };

export function spotOf({ secret, field = null }: Pick<PlaceInput, 'secret' | 'field'>): Spot {
  return { name: secret, field };
}

/** Additional data of a memento: it opens only for the policy, the rotation and the place that it was taken for. */
export function mementoContext(place: PlaceInput, rotationId: string): string {
  const { policy, store } = place;
  const { name, field } = spotOf(place);
  return JSON.stringify(['memento', sealingContext({ policy, rotationId }), store, name, field]);
}

/** The places of a policy, as steps are told of them, with whether each is required. */
export function placesOf({ name, secret }: Policy): (At & { required: boolean })[] {
  return secret.places.map((place) => ({ ...at(name, place), required: place.required }));
}
