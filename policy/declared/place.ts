/** One spot in a store that a policy writes. `required`: a key is published only once it holds it, verified. */
export type Place = PlaceRef & { required: boolean };

/** `name`: what the store calls the secret. `field`: one of several that it holds; null: all of it. */
export type PlaceRef = { store: string; name: string; field: string | null };

/** What tells places apart, and people read: `aws:prod/checkout#openrouterKey`. */
export function placeKey({ store, name, field }: PlaceRef): string {
  return field === null ? `${store}:${name}` : `${store}:${name}#${field}`;
}

export function isSamePlace(a: PlaceRef, b: PlaceRef): boolean {
  return placeKey(a) === placeKey(b);
}

export function placeRef({ store, name, field }: PlaceRef): PlaceRef {
  return { store, name, field };
}

/** The secret and its places, as people say it: `OPENROUTER_API_KEY in local, aws:prod/checkout#key`. */
export function secretInWords({ name, places }: { name: string; places: readonly PlaceRef[] }): string {
  const where = places.map((place) => (place.name === name && place.field === null ? place.store : placeKey(place)));
  return `${name} in ${where.join(', ')}`;
}
