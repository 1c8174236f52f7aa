import { CancelledFailure, Context } from '@temporalio/activity';
import { ActivityCancelledError, ActivityNotFoundError } from '@temporalio/client';
import { progressOf } from './progress.ts';

/**
 * Asks Temporal whether the running attempt of a step is still the one. The heartbeats of the SDK tell a worker of a given
 * up attempt too, but later, and a worker that was frozen goes on at once.
 */
export async function stillOurs(): Promise<void> {
  const context = Context.current();
  try {
    await context.client.activity.heartbeat(context.info.taskToken, progressOf(context).details());
  } catch (error) {
    const isOver = error instanceof ActivityNotFoundError || error instanceof ActivityCancelledError;
    throw isOver ? new CancelledFailure('the step is given up, or done elsewhere') : error;
  }
}
