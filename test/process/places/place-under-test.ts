/** A store of keyturn.yaml, and what applications and people do with it by other means than Keyturn's. */
export type PlaceUnderTest = {
  /** The name it is declared under. */
  store: string;
  /** Its entry in keyturn.yaml. */
  declared: object;
  /** What the entry's references lead to. */
  env: Record<string, string>;
  /** Where a policy's key is: each policy has a container of its own, with things of others in it. */
  spotOf: (policy: string) => { name: string; field: string | null };
  /** Makes the container, without a key. */
  make: (policy: string) => Promise<void>;
  /** The container's fields, decoded. */
  fields: (policy: string) => Promise<Record<string, unknown>>;
  /** As an application reads it; null: there is none. */
  keyIn: (policy: string) => Promise<string | null>;
  /** All that somebody could see of the container, the key included. */
  all: (policy: string) => Promise<unknown>;
  /** `all`, without the key and without what every write changes. */
  others: (policy: string) => Promise<unknown>;
  /** The next answer to a look at a policy's spot is held back until `release` is called. Files answer at once. */
  holdNextLook?: (policy: string) => Hold;
  close: () => Promise<void>;
};

/** `reached` resolves when the store has been asked. */
export type Hold = { reached: Promise<void>; release: () => void };

/** A hold with what carries it out. `arrived` answers true, so that what picks a request can end with it. */
export function newHold(): Hold & { arrived: () => true; released: Promise<void> } {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  return {
    reached: reached.promise,
    arrived() {
      reached.resolve();
      return true;
    },
    released: released.promise,
    release: released.resolve,
  };
}
