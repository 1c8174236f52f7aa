import type { z } from 'zod';
import type { Secret } from '../secrets/secret.ts';
import { classify, isAbsent, type Operation } from './classify.ts';
import { quoteError } from './error-envelope.ts';
import type { Http, HttpRequest } from './http.ts';
import type { Turns } from './turns.ts';

/** A request to OpenRouter, and which call of the interface it is made for. */
export type ManagementRequest = Omit<HttpRequest, 'bearer'> & {
  operation: Operation;
  /** Of the key that the request is about. */
  hash?: string;
  /** An inference key to ask with instead of the management key. Such a request takes no turn. */
  bearer?: Secret;
};

export type Requests = {
  /** Sends it once, when its turn has come. @throws the classifier's error unless `answer` describes the 2xx */
  ask<Answer>(request: ManagementRequest, answer: z.ZodType<Answer>): Promise<Answer>;
  /** The same, with null for OpenRouter's 404. */
  askOrAbsent<Answer>(request: ManagementRequest, answer: z.ZodType<Answer>): Promise<Answer | null>;
};

const tooManyRequests = 429;

export function createRequests(tools: {
  connection: string;
  managementKey: Secret;
  http: Http;
  turns: Turns;
}): Requests {
  const { connection, managementKey, http, turns } = tools;

  async function attempt<Answer>(request: ManagementRequest, answer: z.ZodType<Answer>) {
    const { operation, hash, bearer = managementKey } = request;
    const reply = await http.send({ ...request, bearer });

    if ('status' in reply && reply.status >= 200 && reply.status < 300) {
      const parsed = answer.safeParse(reply.json);
      if (parsed.success) return { answer: parsed.data };
    }
    if ('status' in reply && reply.status === tooManyRequests && reply.retryAfterMs) {
      await turns.pause(reply.retryAfterMs);
    }
    const outcome =
      'status' in reply
        ? { status: reply.status, says: quoteError(reply.json, bearer), retryAfterMs: reply.retryAfterMs }
        : reply;
    return { outcome, error: classify({ operation, connection, ...(hash === undefined ? {} : { hash }), outcome }) };
  }

  async function inTurn<Answer>(request: ManagementRequest, send: () => Promise<Answer>): Promise<Answer> {
    if (request.bearer === undefined) return turns.inTurn(request, send);
    await turns.unpaused();
    return send();
  }

  return {
    ask: (request, answer) =>
      inTurn(request, async () => {
        const result = await attempt(request, answer);
        if (result.error !== undefined) throw result.error;
        return result.answer;
      }),
    askOrAbsent: (request, answer) =>
      inTurn(request, async () => {
        const result = await attempt(request, answer);
        if (result.error === undefined) return result.answer;
        if (isAbsent(result.outcome)) return null;
        throw result.error;
      }),
  };
}
