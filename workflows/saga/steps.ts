import type { Activities } from '../../activities/index.ts';
import type { FaultNote } from '../../policy/life/state.ts';
import type { Instant } from '../../policy/time/instant.ts';
import type { StepName } from './step-table.ts';

/**
 * The steps as saga and duties call them: activities in the workflow, plain functions in the simulated world.
 * Each rejects with `StepFailed` when its retries are used up.
 */
export type Steps = Pick<Activities, StepName> & {
  pause(ms: number, because: string): Promise<void>;
  now(): Instant;
};

/**
 * The two ways a rotation goes. `forward` may be told to stop: what is under way then ends or is given up, and every
 * further step is refused with KEYTURN_ROTATION_STOPPED. `back` does not stop: what has begun is undone or carried
 * through, as far as that goes in bounded time.
 */
export type Ways = { forward: Steps; back: Steps };

export class StepFailed extends Error {
  override readonly name = 'StepFailed';
  readonly fault: FaultNote;

  constructor(fault: FaultNote) {
    super(fault.message);
    this.fault = fault;
  }
}

/** What went wrong, whatever was thrown. A defect of ours is shown by its message only, never with its stack. */
export function faultOf(error: unknown): FaultNote {
  if (error instanceof StepFailed) return error.fault;
  const what = error instanceof Error ? error.message : String(error);
  return {
    code: 'KEYTURN_INTERNAL',
    kind: 'terminal',
    message: `Keyturn met something it does not expect: ${what}.`,
    remedy: 'Please report this with the output of: keyturn history NAME -o json.',
  };
}
