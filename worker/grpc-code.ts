import { isGrpcServiceError } from '@temporalio/client';

/** grpc.io/docs/guides/status-codes */
const notFound = 5;
export const permissionDenied = 7;
const invalidArgument = 3;
const failedPrecondition = 9;
const unimplemented = 12;

/** Asked again, the answer would be the same: the server cannot, or this worker may not. */
export const lasting = [invalidArgument, notFound, permissionDenied, failedPrecondition, unimplemented];

/** The status of an answer of Temporal that was an error. */
export function grpcCodeOf(error: unknown): number | undefined {
  return isGrpcServiceError(error) ? error.code : undefined;
}
