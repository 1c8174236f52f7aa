import { Context } from '@temporalio/activity';
import type { Tools } from '../activities/tools.ts';
import { fault, type KeyturnError, retryAfter } from '../errors/keyturn-error.ts';
import type { Turns } from '../openrouter/turns.ts';
import { connectionQueue } from '../workflows/messages.ts';
import type { PausableQueue, Pauses } from './pauses.ts';
import { progressOf } from './progress.ts';

/** The shortest delay of a retry that Temporal knows. */
const atOnceMs = 1;

/**
 * The turns of a connection, kept by Temporal. What that paces is the start of a step, so a step that was handed out may
 * send one request with the management key. One that has more to send gives its place back, and begins anew in its next
 * turn, where it is told what it has asked before.
 */
export function temporalTurns(connection: string, pauses: Pauses): Turns {
  const queue = ({ client, info: { namespace, taskQueue } }: Context): PausableQueue => {
    const isOurs = taskQueue.endsWith(connectionQueue('', connection));
    const name = isOurs ? taskQueue : connectionQueue(taskQueue, connection);
    return { service: client.workflowService, namespace, name };
  };

  /** Before anything leaves: steps that were handed out before a pause, or whose worker shuts down, send nothing. */
  async function requireLeave(context: Context): Promise<void> {
    const leftMs = await pauses.leftMs(queue(context));
    if (leftMs > 0) throw notSent(`OpenRouter asked to be left alone for ${Math.ceil(leftMs / 1000)} s more`, leftMs);
    if (context.cancellationSignal.aborted) throw notSent('the worker shuts down, or the step was called off', 1_000);
  }

  return {
    async inTurn({ method, path }, send) {
      const context = Context.current();
      const progress = progressOf(context);
      const sendInTurn = async () => {
        if (progress.turnTaken) throw givenBack(context, 'the step goes on in its next turn', atOnceMs);
        await requireLeave(context);
        progress.turnTaken = true;
        return send();
      };
      // The answer to a create is kept nowhere: it holds the secret.
      return method === 'POST' ? sendInTurn() : progress.once(`${method} ${path}`, sendInTurn);
    },
    unpaused: () => requireLeave(Context.current()),
    pause: (ms) => pauses.begin(queue(Context.current()), ms),
  };
}

/** A step that begins anew in Temporal goes on where it was. */
export const resumable: Pick<Tools, 'once' | 'giveWay'> = {
  once: (what, work) => progressOf(Context.current()).once(what, work),
  async giveWay(ms) {
    if (ms <= 0) return;
    const context = Context.current();
    const progress = progressOf(context);
    let isOver = true;
    await progress.once(`wait ${ms} ms`, async () => {
      isOver = false;
    });
    if (!isOver) throw givenBack(context, `the step goes on in ${Math.ceil(ms / 1000)} s`, ms);
  },
};

function givenBack(context: Context, why: string, ms: number): KeyturnError {
  // The failure takes the last details along.
  context.heartbeat(progressOf(context).details());
  return notSent(why, ms);
}

function notSent(why: string, againInMs: number): KeyturnError {
  return retryAfter(fault('KEYTURN_NOT_SENT', why), againInMs);
}
