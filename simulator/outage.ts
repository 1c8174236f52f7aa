import type { z } from 'zod';
import { ApiError } from './api-error.ts';
import type { SimulatedClock } from './clock.ts';
import type { outageSchema } from './control-input.ts';

/** Facts §7: on 2026-02-17 and -19 valid keys got 401 `User not found.` for more than half an hour, and some 500s. */
export class Outage {
  #clock: SimulatedClock;
  #untilMs = Number.NEGATIVE_INFINITY;
  #errorEvery = 0;
  #answers = 0;

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  start({ ms, errorEvery }: z.output<typeof outageSchema>): void {
    this.#untilMs = this.#clock.now() + (ms ?? Number.POSITIVE_INFINITY);
    this.#errorEvery = errorEvery;
    this.#answers = 0;
  }

  end(): void {
    this.#untilMs = Number.NEGATIVE_INFINITY;
  }

  active(): boolean {
    return this.#clock.now() < this.#untilMs;
  }

  /** Asked for each request that carries a credential. */
  check(): void {
    if (!this.active()) return;
    this.#answers += 1;
    if (this.#errorEvery > 0 && this.#answers % this.#errorEvery === 0) {
      throw new ApiError(500, 'Internal Server Error');
    }
    throw new ApiError(401, 'User not found.');
  }
}
