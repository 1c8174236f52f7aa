type ApiErrorExtra = {
  metadata?: Record<string, unknown>;
  userId?: string;
  headers?: Record<string, string>;
};

/** An answer of OpenRouter that is not 2xx. Thrown by operations, sent by the exchange in the envelope of facts §7. */
export class ApiError extends Error {
  readonly status: number;
  readonly extra: ApiErrorExtra;

  constructor(status: number, message: string, extra: ApiErrorExtra = {}) {
    super(message);
    this.status = status;
    this.extra = extra;
  }
}

/** `message` before `code`, as observed. */
export function envelope({
  status,
  message,
  extra,
}: {
  status: number;
  message: string;
  extra?: ApiErrorExtra;
}): unknown {
  return {
    error: { message, code: status, ...(extra?.metadata && { metadata: extra.metadata }) },
    ...(extra?.userId && { user_id: extra.userId }),
  };
}
