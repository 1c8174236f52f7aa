import { DefaultFailureConverter } from '@temporalio/common';

/**
 * Messages and stacks of failures travel as payloads, so that the payload codec encrypts them too; in Temporal's default
 * they are in clear. Named by path: worker, bundle and client each load it themselves.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
