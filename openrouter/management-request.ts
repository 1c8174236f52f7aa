import type { z } from 'zod';
import { fault, retryAfter } from '../errors/keyturn-error.ts';
import type { Secret } from '../secrets/secret.ts';
import { classify, isAbsent, type Operation } from './classify.ts';
import { quoteError } from './error-envelope.ts';
import type { Http, HttpRequest, NoReply, Reply } from './http.ts';
import type { Pace } from './pace.ts';

/** A request to OpenRouter, and which call of the interface it is made for. */
export type ManagementRequest = Omit<HttpRequest, 'bearer'> & {
  operation: Operation;
  /** Of the key that the request is about. */
  hash?: string;
  /** An inference key to ask with instead of the management key. Such a request waits for no turn. */
  bearer?: Secret;
};

export type Requests = {
  /** Sends it once, when its turn has come. @throws the classifier's error unless `answer` describes the 2xx */
  ask<Answer>(request: ManagementRequest, answer: z.ZodType<Answer>): Promise<Answer>;
  /** The same, with null for OpenRouter's 404. */
  askOrAbsent<Answer>(request: ManagementRequest, answer: z.ZodType<Answer>): Promise<Answer | null>;
};

export function createRequests(tools: { connection: string; managementKey: Secret; http: Http; pace: Pace }): Requests {
  const { connection, managementKey, http, pace } = tools;

  async function sendInTurn(request: ManagementRequest): Promise<Reply | NoReply> {
    if (request.bearer !== undefined) return http.send({ ...request, bearer: request.bearer });

    const turn = await pace.turn(request.operation === 'createKey' ? 'begin' : 'carry on');
    if (turn.is === 'closed') return { code: 'CLOSED', syscall: undefined };
    if (turn.is === 'full') {
      const waitS = Math.ceil(turn.waitMs / 1000);
      throw retryAfter(fault('KEYTURN_CONNECTION_BUSY', connection, waitS), turn.waitMs);
    }
    return http.send({ ...request, bearer: managementKey });
  }

  async function attempt<Answer>(request: ManagementRequest, answer: z.ZodType<Answer>) {
    const { operation, hash } = request;
    const reply = await sendInTurn(request);

    if ('status' in reply && reply.status >= 200 && reply.status < 300) {
      const parsed = answer.safeParse(reply.json);
      if (parsed.success) return { answer: parsed.data };
    }
    const outcome =
      'status' in reply
        ? {
            status: reply.status,
            says: quoteError(reply.json, request.bearer ?? managementKey),
            retryAfterMs: reply.retryAfterMs,
          }
        : reply;
    return { outcome, error: classify({ operation, connection, ...(hash === undefined ? {} : { hash }), outcome }) };
  }

  return {
    async ask(request, answer) {
      const result = await attempt(request, answer);
      if (result.error !== undefined) throw result.error;
      return result.answer;
    },
    async askOrAbsent(request, answer) {
      const result = await attempt(request, answer);
      if (result.error === undefined) return result.answer;
      if (isAbsent(result.outcome)) return null;
      throw result.error;
    },
  };
}
