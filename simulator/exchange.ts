import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Watched } from './access-log.ts';
import { type Answer, cutAt, faultyAnswer, jsonAnswer } from './answer.ts';
import { ApiError, envelope } from './api-error.ts';
import type { InjectionRule, Operation } from './injection-rule.ts';
import type { Hit, Injections } from './injections.ts';
import type { Post } from './post-log.ts';

/** A request as an operation sees it. */
export type Call = {
  authorization: string | undefined;
  params: Record<string, string>;
  query: unknown;
  body: string;
  /** Only for POST /keys. */
  post: Post | null;
};

/** Does the whole of one request at once: checks, takes effect, answers. Throws ApiError to refuse. */
export type OperationHandler = (call: Call) => Answer;

export type ExchangeTools = {
  injections: Injections;
  /** Opens the log entry of a POST /keys. */
  openPost(body: string): Post;
  /** Writes down what changed, before the caller hears of it. */
  save(): void;
  /** Watches a request for the access log. */
  watch(request: FastifyRequest, reply: FastifyReply, operation: Operation): Watched;
  /** Ends what would outlive the simulator: hangs, slow and late requests. */
  closing: AbortSignal;
};

const mutating: ReadonlySet<Operation> = new Set(['createKey', 'patchKey', 'deleteKey', 'chat']);

/**
 * The way of every request: injection before, operation, injection after, answer.
 * An operation runs in one go and its change is saved before the answer leaves, so that "before" and "after" are exact.
 */
export function exchange(operation: Operation, handle: OperationHandler, tools: ExchangeTools) {
  const { injections, closing } = tools;

  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    reply.hijack();
    const out = reply.raw;
    const body = typeof request.body === 'string' ? request.body : '';
    const post = operation === 'createKey' ? tools.openPost(body) : null;
    const watched = tools.watch(request, reply, operation);
    const params = request.params as Record<string, string>;
    const call: Call = { authorization: request.headers.authorization, params, query: request.query, body, post };

    const before = injections.take(operation, 'before');
    if (before) {
      const { rule } = before;
      note(rule);
      if (rule.kind === 'reset' || rule.kind === 'late') reset(out, post);
      const instead = faultyAnswer(rule, null);
      if (instead || !(await arrives(before, out))) {
        if (post) post.outcome = 'dropped';
        if (instead) send(out, instead, post, 'spoiled');
        else settle(post, 'lost');
        return;
      }
    }

    const truth = run(call, watched);
    if (before?.rule.kind === 'late') return;

    const after = truth.status < 300 ? injections.take(operation, 'after') : null;
    if (after) {
      note(after.rule);
      if (after.rule.kind === 'reset') reset(out, post);
      const spoiled = faultyAnswer(after.rule, truth);
      if (spoiled) send(out, spoiled, post, 'spoiled');
      if (spoiled || after.rule.kind === 'reset') return;
      await waited(after, out);
    }
    send(out, truth, post, 'delivered');

    function note({ kind, when }: InjectionRule): void {
      watched.injection = `${kind} ${when}`;
      if (post) post.injection = watched.injection;
    }
  };

  function run(call: Call, watched: Watched): Answer {
    try {
      const answer = handle(call);
      if (mutating.has(operation)) tools.save();
      return answer;
    } catch (error) {
      if (call.post?.outcome === 'pending') call.post.outcome = 'refused';
      if (error instanceof ApiError) return jsonAnswer(error.status, envelope(error), error.extra.headers);
      // A mistake of the simulator, or a state file that cannot be written.
      watched.error = String(error);
      return jsonAnswer(500, envelope({ status: 500, message: 'Internal Server Error' }));
    }
  }

  /** Whether the operation is to be done in the end, after whatever an injection makes it wait for. */
  async function arrives({ rule, released }: Hit, out: ServerResponse): Promise<boolean> {
    try {
      if (rule.kind === 'hang') await released(goneSignal(out));
      else if (rule.kind === 'slow') await delay(rule.ms, undefined, { signal: closing });
      else if (rule.kind === 'late' && rule.ms !== undefined) await delay(rule.ms, undefined, { signal: closing });
      else if (rule.kind === 'late') await released(closing);
      else return false;
      return true;
    } catch {
      return false;
    }
  }

  /** The operation is done; only the answer waits, for as long as somebody listens. */
  async function waited({ rule, released }: Hit, out: ServerResponse): Promise<void> {
    try {
      if (rule.kind === 'hang') await released(goneSignal(out));
      if (rule.kind === 'slow') await delay(rule.ms, undefined, { signal: goneSignal(out) });
    } catch {
      // The client went away, or the simulator closes: there is nobody to answer.
    }
  }

  function goneSignal(out: ServerResponse): AbortSignal {
    const gone = new AbortController();
    if (isGone(out)) gone.abort();
    else out.once('close', () => gone.abort());
    return AbortSignal.any([gone.signal, closing]);
  }

  function reset(out: ServerResponse, post: Post | null): void {
    settle(post, 'lost');
    out.socket?.resetAndDestroy();
  }

  function settle(post: Post | null, answer: Post['answer']): void {
    if (!post) return;
    post.answer = answer;
    try {
      tools.save();
    } catch {
      // Nobody is left to tell. What took effect was saved before, and the next change saves this too.
    }
  }

  function send(out: ServerResponse, answer: Answer, post: Post | null, meant: 'delivered' | 'spoiled'): void {
    if (isGone(out)) {
      settle(post, 'lost');
      return;
    }
    if (post) out.once('close', () => settle(post, out.writableFinished ? meant : 'lost'));
    const bytes = Buffer.from(answer.body);
    out.writeHead(answer.status, { ...answer.headers, 'content-length': String(bytes.length) });
    if (!answer.cut) {
      out.end(bytes);
      return;
    }
    // Not before it is out: a reset could overtake it.
    out.write(answer.body.slice(0, cutAt(answer.body)), () => setImmediate(() => out.socket?.resetAndDestroy()));
  }
}

/** A response lets go of its socket when the connection closes. */
function isGone({ socket }: ServerResponse): boolean {
  return !socket || socket.destroyed;
}
