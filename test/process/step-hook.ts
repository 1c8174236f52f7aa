import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { StepName } from '../../workflows/saga/step-table.ts';

/**
 * A point in the life of a step. `before`: nothing has happened. `after`: it took effect, and Temporal has not been told.
 * A step that fails has no `after`.
 */
export type Moment = {
  at: 'before' | 'after';
  step: StepName;
  policy: string;
  /** Of steps that are about a place. */
  store: string | null;
};

/** The step goes on when this resolves. */
export type OnMoment = (moment: Moment) => Promise<void>;

/** An interceptor that waits for `onMoment` around each step. */
export function stepHook(onMoment: OnMoment): ActivityInterceptorsFactory {
  return ({ info }) => ({
    inbound: {
      async execute(input, next) {
        const policy = info.workflowExecution?.workflowId.replace('rotation-policy/', '') ?? '';
        const step = info.activityType as StepName;
        const { store = null } = (input.args[0] ?? {}) as { store?: string };
        await onMoment({ at: 'before', step, policy, store });
        const result = await next(input);
        await onMoment({ at: 'after', step, policy, store });
        return result;
      },
    },
  });
}
