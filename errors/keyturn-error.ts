import { type FaultCode, type FaultKind, faults } from './faults.ts';

/** What `-o json` prints of an error, and what travels through Temporal: data only, never a cause, never a secret. */
export type Fault = {
  code: FaultCode;
  kind: FaultKind;
  message: string;
  remedy: string;
};

/** The one error class of Keyturn. Made by `fault(code, …)`; the texts are in the table of `faults.ts`. */
export class KeyturnError extends Error {
  override readonly name = 'KeyturnError';
  readonly code: FaultCode;
  readonly kind: FaultKind;
  readonly remedy: string;
  /** How long the other side asked us to wait before trying again (`Retry-After`), in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(fault: Fault, retryAfterMs?: number) {
    super(fault.message);
    this.code = fault.code;
    this.kind = fault.kind;
    this.remedy = fault.remedy;
    this.retryAfterMs = retryAfterMs;
  }

  toJSON(): Fault {
    return { code: this.code, kind: this.kind, message: this.message, remedy: this.remedy };
  }
}

/**
 * The error of `code`, its sentence filled in with `args`.
 *
 * No `cause` is taken on purpose: causes carry requests, and requests carry secrets (design §5).
 */
export function fault<Code extends FaultCode>(
  code: Code,
  ...args: Parameters<(typeof faults)[Code]['says']>
): KeyturnError {
  const row = faults[code];
  const says = row.says as (...args: unknown[]) => string;
  return new KeyturnError({ code, kind: row.kind, message: says(...args), remedy: row.remedy });
}

/** The same error, with the wait that the other side asked for. */
export function retryAfter(error: KeyturnError, retryAfterMs: number | undefined): KeyturnError {
  return new KeyturnError(error.toJSON(), retryAfterMs);
}
