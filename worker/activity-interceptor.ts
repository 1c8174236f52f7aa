import type { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { fault, KeyturnError } from '../errors/keyturn-error.ts';
import { Unreadable } from '../errors/unreadable.ts';
import { scrub } from '../secrets/redaction.ts';
import { progressOf } from './progress.ts';

/** A third of the time-out after which a silent step counts as lost (workflows/saga/step-table.ts). */
const heartbeatMs = 3_000;

/** Around every activity: it shows that it lives, and its errors travel as failures with the code as their type. */
export function activityInterceptor(context: Context): ActivityInboundCallsInterceptor {
  return {
    async execute(input, next) {
      const heart = setInterval(() => context.heartbeat(progressOf(context).details()), heartbeatMs);
      try {
        const unread = input.args.find((arg) => arg instanceof Unreadable);
        if (unread instanceof Unreadable)
          throw fault('KEYTURN_PAYLOAD_UNREADABLE', `the input of a step ${unread.why}`);
        return await next(input);
      } catch (error) {
        throw failureFrom(error);
      } finally {
        clearInterval(heart);
      }
    },
  };
}

/**
 * What of an error goes into history: code, sentence, kind, remedy. No cause and no foreign stack: they may carry a
 * request, and a request carries a secret (design §5).
 *
 * `needs-attention` is tried again: a person may mend it meanwhile, and a 401 alone proves nothing (facts §7).
 */
export function failureFrom(error: unknown): Error {
  if (error instanceof CancelledFailure) return error;
  if (!(error instanceof KeyturnError)) {
    const name = error instanceof Error ? error.name : typeof error;
    return withoutStack(ApplicationFailure.retryable(`an unexpected ${name}`, 'KEYTURN_INTERNAL'));
  }
  const { code, kind, message, remedy, retryAfterMs } = error;
  return withoutStack(
    ApplicationFailure.create({
      type: code,
      message: scrub(message),
      nonRetryable: kind === 'terminal' || kind === 'ambiguous',
      // Also for a step that is not tried again: then the whole rotation waits for so long.
      details: [{ kind, remedy, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }],
      ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
      // To wait for a turn is no failure to look into: no line in the log, no count in the metrics.
      ...(code === 'KEYTURN_NOT_SENT' ? { category: ApplicationFailureCategory.BENIGN } : {}),
    }),
  );
}

function withoutStack<Failure extends Error>(failure: Failure): Failure {
  failure.stack = '';
  return failure;
}
