export type ClockState = { offsetMs: number; frozenAtMs: number | null };

/**
 * The simulator's own time: real time plus an offset, or standing still.
 * Usage windows, expiry, propagation delays and outages all run on it.
 */
export class SimulatedClock {
  #state: ClockState;
  #lastMicros = 0;

  constructor(state: ClockState = { offsetMs: 0, frozenAtMs: null }) {
    this.#state = { ...state };
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#state.frozenAtMs ?? Date.now() + this.#state.offsetMs;
  }

  /** `2025-02-19T20:52:27.363244+00:00`, never the same twice (facts §2: created_at has microseconds). */
  stamp(): string {
    const micros = Math.max(this.now() * 1000 + (Math.floor(performance.now() * 1000) % 1000), this.#lastMicros + 1);
    this.#lastMicros = micros;
    const iso = new Date(Math.floor(micros / 1000)).toISOString();
    return `${iso.slice(0, -1)}${String(micros % 1000).padStart(3, '0')}+00:00`;
  }

  advance(ms: number): void {
    this.#move(this.now() + ms);
  }

  /** Puts the clock to an instant; it goes on running, or standing, as before. */
  set(atMs: number): void {
    this.#move(atMs);
  }

  freeze(): void {
    this.#state = { ...this.#state, frozenAtMs: this.now() };
  }

  /** Runs on from where it stands. */
  run(): void {
    this.#state = { offsetMs: this.now() - Date.now(), frozenAtMs: null };
  }

  state(): ClockState {
    return { ...this.#state };
  }

  #move(toMs: number): void {
    this.#state =
      this.#state.frozenAtMs === null
        ? { offsetMs: toMs - Date.now(), frozenAtMs: null }
        : { ...this.#state, frozenAtMs: toMs };
    this.#lastMicros = 0;
  }
}
