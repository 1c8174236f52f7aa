import { z } from 'zod';
import type { NoReply, Reply } from './http.ts';

/**
 * Infisical's own refusal. Its `message` is looked at for words of a fixed list and goes nowhere: it can be anybody's text,
 * that of a validation rule for example.
 */
const refusal = z.looseObject({
  reqId: z.string().catch(''),
  error: z.string().catch(''),
  // A 422 has an array.
  message: z.string().catch(''),
});

export type Refusal = { reqId: string; error: string; message: string };

export function isReply(outcome: Reply | NoReply): outcome is Reply {
  return 'status' in outcome;
}

export function isDone(outcome: Reply | NoReply): outcome is Reply {
  return isReply(outcome) && outcome.status >= 200 && outcome.status < 300;
}

/** null: this is no word of Infisical, but of something in between. Only Infisical's own answers have a request id. */
export function refusalIn({ json }: Reply): Refusal | null {
  const read = refusal.safeParse(json);
  return read.success && read.data.reqId !== '' ? read.data : null;
}

/** Its framework answers by itself where there is no such route, without a request id (facts §1). */
export function isRouteMissing({ status, json }: Reply): boolean {
  if (status !== 404 || refusalIn({ status, json, retryAfter: null }) !== null) return false;
  const read = refusal.safeParse(json);
  return read.success && /^Route \w+:\S+ not found$/.test(read.data.message);
}

/** `403 PermissionDenied, req-…`: what can be looked for in Infisical's log. */
export function answerOf(reply: Reply): string {
  const { error = '', reqId = '' } = refusalIn(reply) ?? {};
  const word = /^[A-Z][A-Za-z]{1,40}$/.test(error) ? ` ${error}` : '';
  return `${reply.status}${word}${/^req-[\w-]{1,40}$/.test(reqId) ? `, ${reqId}` : ''}`;
}

export function silence({ code, neverSent }: NoReply): string {
  if (code === 'TIMEOUT') return 'no answer in time';
  if (code === 'UNSENDABLE_TOKEN') return 'its token holds characters that no token has';
  return neverSent ? `no connection (${code})` : `the connection broke (${code})`;
}

const mostWaitMs = 10 * 60_000;

/** By the header, else by the text, which is all that is documented (facts §9). */
export function waitAskedFor(reply: Reply): number | undefined {
  const inHeader = /^\s*(\d{1,9})\s*$/.exec(reply.retryAfter ?? '')?.[1];
  if (inHeader !== undefined) return Math.min(Number(inHeader) * 1000, mostWaitMs);
  const inText = /try again in (\d{1,5}) (second|minute)/.exec(refusal.safeParse(reply.json).data?.message ?? '');
  if (inText === null) return undefined;
  return Math.min(Number(inText[1]) * (inText[2] === 'minute' ? 60_000 : 1000), mostWaitMs);
}

/**
 * The token is over: 401, or the 403 of one that has expired (facts §2). Of one whose uses have run out, older servers say
 * it with a 400. Nothing was done: who it is comes first.
 */
export function isTokenRefused(reply: Reply): boolean {
  if (reply.status === 401) return true;
  if (reply.status === 403) return refusalIn(reply)?.error === 'TokenError';
  return reply.status === 400 && isTokenUsedUp(reply);
}

export function isTokenUsedUp(reply: Reply): boolean {
  return refusalIn(reply)?.message.includes('access token number of uses limit reached') ?? false;
}

/** It was looked at, and the request refused for another reason, if at all. Limits come before that. */
export function isTokenAccepted(reply: Reply): boolean {
  const { status } = reply;
  if (status >= 200 && status < 300) return true;
  return status < 500 && status !== 429 && refusalIn(reply) !== null && !isTokenRefused(reply);
}
