import { ApplicationFailure } from '@temporalio/common';
import type { FaultCode } from '../errors/faults.ts';
import { fault, KeyturnError } from '../errors/keyturn-error.ts';

export type Refusal = {
  status: number;
  /** The client. */
  told: { code: string; message: string; remedy?: string };
  /** For the access log; undefined where the sentence repeats something of a payload. */
  why?: string;
};

const statuses: Partial<Record<FaultCode, number>> = {
  KEYTURN_CODEC_REQUEST: 400,
  KEYTURN_CODEC_UNAUTHENTICATED: 401,
  KEYTURN_CODEC_FORBIDDEN: 403,
  KEYTURN_CODEC_ORIGIN: 403,
  KEYTURN_CODEC_NOT_LOCAL: 403,
  KEYTURN_CODEC_BUSY: 429,
  KEYTURN_CODEC_ISSUER_UNREACHABLE: 503,
};

/** Fastify's own refusals; its sentences are not passed on, because a JSON parser's quotes what it read. */
const ofHttp: Record<number, string> = {
  400: 'the body is not JSON',
  413: 'the body is larger than 4 MiB',
  415: 'the body is not application/json',
};

/** Any error as an answer: a Keyturn code, and no word of a payload. */
export function refusal(error: unknown): Refusal {
  // A payload that the codec cannot open: an unknown key, changed bytes, another namespace.
  if (error instanceof ApplicationFailure) {
    return { status: 422, told: { code: error.type ?? 'KEYTURN_PAYLOAD_UNREADABLE', message: error.message } };
  }
  if (error instanceof KeyturnError) return refused(statuses[error.code] ?? 500, error);
  const status = Number((error as { statusCode?: number }).statusCode ?? 500);
  const what = ofHttp[status];
  if (what !== undefined) return refused(status, fault('KEYTURN_CODEC_REQUEST', what));
  return refused(500, fault('KEYTURN_INTERNAL', 'the codec server met something unexpected'));
}

function refused(status: number, { code, message, remedy }: KeyturnError): Refusal {
  return { status, told: { code, message, remedy }, why: message };
}
