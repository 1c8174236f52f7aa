import { envelope } from './api-error.ts';
import type { InjectionRule } from './injection-rule.ts';
import { secretPrefix } from './key-secret.ts';

/** What goes back over the wire. `cut`: only its beginning (`cutAt`), then a reset. */
export type Answer = { status: number; headers: Record<string, string>; body: string; cut?: boolean };

export function jsonAnswer(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
  };
}

const statusTexts: Record<number, string> = {
  429: 'Rate limit exceeded',
  500: 'Internal Server Error',
};

/**
 * The answer an injection puts in the place of the true one, which is null before the operation.
 * Null for an injection that changes no answer.
 */
export function faultyAnswer(rule: InjectionRule, truth: Answer | null): Answer | null {
  switch (rule.kind) {
    case 'status': {
      const message = rule.message ?? statusTexts[rule.status] ?? 'Service temporarily unavailable';
      const headers = rule.retryAfter === undefined ? {} : { 'retry-after': String(rule.retryAfter) };
      return jsonAnswer(rule.status, envelope({ status: rule.status, message }), headers);
    }
    case 'html':
      return {
        status: rule.status ?? truth?.status ?? 502,
        headers: { 'content-type': 'text/html; charset=UTF-8' },
        body: '<!DOCTYPE html>\n<html><head><title>openrouter.ai</title></head><body><h1>Bad gateway</h1></body></html>\n',
      };
    case 'invalid-json':
      return { ...jsonAnswer(rule.status ?? truth?.status ?? 200, {}), body: '{"data":{"hash":"' };
    case 'provider-error':
      return jsonAnswer(200, envelope({ status: 502, message: 'Provider returned error' }));
    case 'truncated':
      return truth && { ...truth, cut: true };
    case 'no-hash':
      return truth && { ...truth, body: withoutHash(truth.body) };
    default:
      return null;
  }
}

function withoutHash(body: string): string {
  const answer = JSON.parse(body) as { data?: Record<string, unknown> };
  delete answer.data?.hash;
  return JSON.stringify(answer);
}

/** Where a body breaks off: in the middle, or in the middle of the secret that it hands out, where it hurts most. */
export function cutAt(body: string): number {
  const secretAt = body.indexOf(secretPrefix, body.indexOf('"key":'));
  return secretAt === -1 ? body.length >> 1 : (secretAt + body.indexOf('"', secretAt)) >> 1;
}
