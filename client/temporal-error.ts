import { isGrpcServiceError, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure, NamespaceNotFoundError } from '@temporalio/common';
import { type FaultCode, type FaultKind, faults } from '../errors/faults.ts';
import { fault, KeyturnError } from '../errors/keyturn-error.ts';

/** Where the request went and how long it may have taken, for the sentence. */
export type Asked = { address: string; namespace: string; waitedMs: number };

/** The gRPC status codes that tell a person something (grpc.io/docs/guides/status-codes). */
export const grpc = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  failedPrecondition: 9,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** Whatever Temporal's client throws, as an error of Keyturn. What a worker refused keeps its own code and remedy. */
export function temporalError(error: unknown, asked: Asked): KeyturnError {
  if (error instanceof KeyturnError) return error;
  if (error instanceof NamespaceNotFoundError) return fault('KEYTURN_NAMESPACE_UNKNOWN', asked.namespace);
  const told = faultIn(error);
  if (told !== null) return told;
  if (error instanceof WorkflowUpdateFailedError) {
    return fault('KEYTURN_INTERNAL', `a request failed with ${error.cause?.name ?? error.name}`);
  }

  const { code, details } = grpcStatusOf(error);
  if (isLate(code)) return unreachable(asked);
  switch (code) {
    case grpc.unavailable:
      return unreachable(asked);
    case grpc.permissionDenied:
    case grpc.unauthenticated:
      return fault('KEYTURN_TEMPORAL_REFUSED', asked.address, asked.namespace);
    case grpc.notFound:
      // Where the SDK does not look into the details of an answer, the server's words are all there is.
      if (/^Namespace .* is not found/.test(details)) return fault('KEYTURN_NAMESPACE_UNKNOWN', asked.namespace);
      break;
    case grpc.invalidArgument:
      // The server's words for an attribute that nobody registered: "… search attribute KeyturnState is not defined".
      if (/search attribute/i.test(details)) return fault('KEYTURN_NOT_SET_UP', 'its search attributes are missing');
      break;
    case undefined:
      // `waitForReady` has no code of its own.
      if (isConnectTimeout(error)) return unreachable(asked);
  }
  return fault('KEYTURN_INTERNAL', `Temporal said ${details.replace(/\.$/, '')}`);
}

function unreachable({ address, waitedMs }: Asked): KeyturnError {
  return fault('KEYTURN_TEMPORAL_UNREACHABLE', address, Math.round(waitedMs / 1000));
}

/** Nobody answered in time. Where the server's clock is the first to say so, the call arrives as cancelled. */
export function isLate(code: number | undefined): boolean {
  return code === grpc.deadlineExceeded || code === grpc.cancelled;
}

/** The status of an answer, wherever the SDK has wrapped it. */
export function grpcStatusOf(error: unknown): { code: number | undefined; details: string } {
  for (let at = error; at instanceof Error; at = at.cause) {
    // Not `details`: of a request with several parts the SDK puts undecoded bytes there.
    if (isGrpcServiceError(at)) return { code: at.code, details: at.message.replace(/^\d+ [A-Z_]+: /, '') };
  }
  return { code: undefined, details: error instanceof Error ? error.message : String(error) };
}

function isConnectTimeout(error: unknown): boolean {
  return error instanceof Error && error.message.includes('before the deadline');
}

/** The fault that workflow, step or codec put on a failure (worker/activity-interceptor.ts), below its wrappers. */
function faultIn(error: unknown): KeyturnError | null {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (!(at instanceof ApplicationFailure) || !isFaultCode(at.type)) continue;
    const [told] = (at.details ?? []) as { kind?: FaultKind; remedy?: string }[];
    const { kind, remedy } = faults[at.type];
    return new KeyturnError({
      code: at.type,
      kind: told?.kind ?? kind,
      message: at.message,
      remedy: told?.remedy ?? remedy,
    });
  }
  return null;
}

function isFaultCode(type: string | null | undefined): type is FaultCode {
  return typeof type === 'string' && Object.hasOwn(faults, type);
}
