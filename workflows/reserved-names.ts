import type { WorkflowInterceptors } from '@temporalio/workflow';

/** `TEMPORAL_RESERVED_PREFIX` of the SDK, which does not export it to workflows. */
const reserved = '__temporal_';

/**
 * A signal whose name the SDK keeps for itself fails the workflow task, for ever, where there is a default handler: before
 * any interceptor of signals is asked. Here it loses the name's first underscore, and arrives as one that nobody knows.
 * (Updates and queries of such names are refused by the SDK: they have no default handler.)
 */
export function interceptors(): WorkflowInterceptors {
  return {
    internals: [
      {
        activate(input, next) {
          for (const { signalWorkflow } of input.activation.jobs ?? []) {
            if (signalWorkflow?.signalName?.startsWith(reserved)) {
              signalWorkflow.signalName = signalWorkflow.signalName.slice(1);
            }
          }
          next(input);
        },
      },
    ],
  };
}
