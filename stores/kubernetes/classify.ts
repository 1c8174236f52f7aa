import { z } from 'zod';
import { fault, type KeyturnError, retryAfter } from '../../errors/keyturn-error.ts';
import { InDoubt, Moved } from '../driver.ts';
import type { NoReply, Reply } from './http.ts';
import type { SecretAddress } from './secret-address.ts';

export type Verb = 'get' | 'create' | 'patch' | 'delete';

/** What was asked for. `place`: the spot in words. */
export type Asked = { store: string; place: string; verb: Verb; at: SecretAddress };

/** The right that it takes, as `kubectl auth can-i` has it. RBAC cannot limit `create` by name. */
export function rightTo(verb: Verb, { namespace, name }: SecretAddress): string {
  return verb === 'create'
    ? `create secrets in namespace ${namespace}`
    : `${verb} secrets/${name} in namespace ${namespace}`;
}

/**
 * The cluster's own refusal. Its `message` is never read: the one of "illegal base64" has the whole object in it (facts
 * §4.10), and those of webhooks are anybody's text. What is read are words out of fixed lists.
 */
const status = z.looseObject({
  kind: z.literal('Status'),
  reason: z.string().catch(''),
  details: z
    .looseObject({
      kind: z.string().catch(''),
      causes: z.array(z.looseObject({ reason: z.string().catch('') })).catch([]),
    })
    .catch({ kind: '', causes: [] }),
});

export type Refusal = { reason: string; of: string; causes: string[] };

/** null: this is no word of Kubernetes, but of something in between. */
export function refusalIn({ json }: Reply): Refusal | null {
  const read = status.safeParse(json);
  if (!read.success) return null;
  const { reason, details } = read.data;
  return { reason, of: details.kind, causes: details.causes.map((cause) => cause.reason) };
}

export function isReply(outcome: Reply | NoReply): outcome is Reply {
  return 'status' in outcome;
}

export function isDone(outcome: Reply | NoReply): outcome is Reply {
  return isReply(outcome) && outcome.status >= 200 && outcome.status < 300;
}

/** A Secret that is not there. A namespace that is not there looks the same (facts §4.8). */
export function isAbsent(outcome: Reply | NoReply): boolean {
  return isReply(outcome) && outcome.status === 404 && refusalIn(outcome)?.reason === 'NotFound';
}

/** Why asking did not bring what was asked for. Nothing was changed by it. */
export function readingFailed(outcome: Reply | NoReply, asked: Asked): KeyturnError {
  const unavailable = (why: string) => fault('KEYTURN_STORE_UNAVAILABLE', asked.store, why);
  if (!isReply(outcome)) return unavailable(silence(outcome));
  if (outcome.status === 401) return unavailable(notAccepted(outcome));
  if (outcome.status === 403 && refusalIn(outcome) !== null) return forbidden(outcome, asked);
  return retryAfter(unavailable(`it answered ${answerOf(outcome)}`), outcome.retryAfterMs);
}

/** Why a change was not done, or may not have been. */
export function changeFailed(outcome: Reply | NoReply, asked: Asked): KeyturnError | Moved | InDoubt {
  const unavailable = (why: string) => fault('KEYTURN_STORE_UNAVAILABLE', asked.store, why);
  if (!isReply(outcome)) return outcome.neverSent ? unavailable(silence(outcome)) : new InDoubt(silence(outcome));
  const refused = (why: string) => fault('KEYTURN_STORE_REFUSED', asked.store, asked.place, why);
  if (outcome.status === 429) return retryAfter(unavailable(`it answered ${answerOf(outcome)}`), outcome.retryAfterMs);
  const refusal = refusalIn(outcome);
  // Of a proxy that answers by itself nobody knows what it has passed on before.
  if (refusal === null || outcome.status >= 500) return new InDoubt(`it answered ${answerOf(outcome)}`);
  if (outcome.status === 401) return unavailable(notAccepted(outcome));
  if (outcome.status === 403) return forbidden(outcome, asked);
  if (outcome.status === 409) return new Moved();
  if (outcome.status === 404) {
    return asked.verb === 'create' ? refused(noNamespace(asked.at)) : new Moved();
  }
  // A `test` of a JSON patch that found something else; what makes an object invalid is told field by field.
  if (outcome.status === 422 && asked.verb === 'patch' && refusal.causes.length === 0) return new Moved();
  return refused(objection(outcome));
}

/** What the cluster has against the object itself. */
export function objection(reply: Reply): string {
  if (reply.status === 413) return 'the Secret would become too large (413)';
  const causes = [...new Set(refusalIn(reply)?.causes ?? [])].filter((cause) =>
    /^FieldValue[A-Za-z]{1,30}$/.test(cause),
  );
  const why = causes.length === 0 ? '' : `: ${causes.join(', ')}`;
  return `with it, the Secret would not be valid${why} (${answerOf(reply)})`;
}

function forbidden(reply: Reply, { store, place, verb, at }: Asked): KeyturnError {
  return fault('KEYTURN_STORE_REFUSED', store, place, notAllowed(reply, verb, at));
}

export function notAllowed(reply: Reply, verb: Verb, at: SecretAddress): string {
  if (refusalIn(reply)?.causes.includes('NamespaceTerminating')) return `namespace ${at.namespace} is being deleted`;
  const or = verb === 'get' ? '' : ', unless a quota or an admission rule of the cluster is against it';
  return `Kubernetes does not allow it (${answerOf(reply)}); it takes the right to ${rightTo(verb, at)}${or}`;
}

export function noNamespace({ namespace }: SecretAddress): string {
  return `there is no namespace ${namespace}`;
}

function notAccepted(reply: Reply): string {
  return `the cluster does not accept its credentials (${answerOf(reply)})`;
}

/** `409 Conflict, audit id 3f…`: what can be looked for in the cluster's log. */
export function answerOf(reply: Reply): string {
  const reason = refusalIn(reply)?.reason ?? '';
  const word = /^[A-Z][A-Za-z]{1,40}$/.test(reason) ? ` ${reason}` : '';
  return `${reply.status}${word}${reply.auditId === null ? '' : `, audit id ${reply.auditId}`}`;
}

function silence({ code, neverSent }: NoReply): string {
  if (code === 'TIMEOUT') return 'no answer in time';
  if (code === 'UNSENDABLE_TOKEN') return 'its token holds characters that no token has';
  return neverSent ? `no connection (${code})` : `the connection broke (${code})`;
}
