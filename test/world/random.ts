/** A seeded source of chance: the same seed gives the same world. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number, both ends included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.next() * list.length)] as T;
  }

  hex(length: number): string {
    let text = '';
    while (text.length < length) {
      const bits = Math.floor(this.next() * 0x1_0000_0000);
      text += hex4(bits >>> 16) + hex4(bits & 0xffff);
    }
    return text.slice(0, length);
  }

  /** Another source, so that what one part of the world draws does not change what another gets. */
  fork(): Random {
    return new Random(Math.floor(this.next() * 0x1_0000_0000));
  }
}

/** V8 writes small integers in hex fast, larger numbers slowly. */
function hex4(bits: number): string {
  return bits.toString(16).padStart(4, '0');
}
