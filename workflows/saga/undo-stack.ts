import { faultOf, type Steps } from './steps.ts';

type Undo = { doing: string; run: () => Promise<unknown> };

/** From one try of an undo to the next: a minute, doubled up to an hour, since each is kept in the run's history. */
const firstPauseMs = 60_000;
const longestPauseMs = 3_600_000;

/** What must be undone if the rotation fails: registered before the step it undoes, run in reverse, each idempotent. */
export class UndoStack {
  readonly #undos: Undo[] = [];

  push(doing: string, run: () => Promise<unknown>): void {
    this.#undos.push({ doing, run });
  }

  /** The last step provably did nothing. */
  drop(): void {
    this.#undos.pop();
  }

  /**
   * Ends only when everything is undone. An undo that fails keeps the ones before it from running (a key must not go
   * while a store still holds it), is shown with what a person can do, and is tried again.
   */
  async run(step: Pick<Steps, 'pause' | 'stuck'>): Promise<void> {
    for (const undo of this.#undos.reverse()) {
      for (let pauseMs = firstPauseMs; !(await succeeded(undo, step)); pauseMs *= 2) {
        await step.pause(Math.min(pauseMs, longestPauseMs), `tries again to ${undo.doing}`);
      }
    }
    step.stuck(null);
  }
}

async function succeeded(undo: Undo, step: Pick<Steps, 'stuck'>): Promise<boolean> {
  try {
    await undo.run();
    return true;
  } catch (error) {
    step.stuck({ doing: undo.doing, fault: faultOf(error) });
    return false;
  }
}
