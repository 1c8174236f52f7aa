import { fault, type KeyturnError, retryAfter } from '../../errors/keyturn-error.ts';
import { InDoubt, Moved } from '../driver.ts';
import { answerOf, isReply, isTokenRefused, type Refusal, refusalIn, silence, waitAskedFor } from './answer.ts';
import type { NoReply, Reply } from './http.ts';

/** An action on the subject `secrets`, as a role of Infisical has it. */
export type Action = 'describeSecret' | 'readValue' | 'create' | 'edit' | 'delete';

/** What was asked for. `place`: the spot in words. `folder`: where it should be. */
export type Asked = { store: string; place: string; folder: string; action: Action; isUndo?: boolean };

export const ownedByRotation =
  'it is owned by a rotation of Infisical, which would write its own value over it; docs/from-infisical.md says how Keyturn takes it over';

/** Why asking did not bring what was asked for. Nothing was changed by it. */
export function readingFailed(outcome: Reply | NoReply, asked: Asked): KeyturnError {
  const unavailable = (why: string) => fault('KEYTURN_STORE_UNAVAILABLE', asked.store, why);
  if (!isReply(outcome)) return unavailable(silence(outcome));
  return certain(outcome, asked) ?? unavailable(`it answered ${answerOf(outcome)}`);
}

/** Why a change was not done, or may not have been. */
export function changeFailed(outcome: Reply | NoReply, asked: Asked): KeyturnError | Moved | InDoubt {
  if (!isReply(outcome)) {
    const why = silence(outcome);
    return outcome.neverSent ? fault('KEYTURN_STORE_UNAVAILABLE', asked.store, why) : new InDoubt(why);
  }
  const { message } = refusalIn(outcome) ?? { message: '' };
  // Of both there are several wordings (facts §3, §9).
  if (outcome.status === 404 && isSecretMissing(message)) return new Moved();
  if (outcome.status === 400 && asked.action === 'create' && /already exists?\b/i.test(message)) return new Moved();
  // A 500 may come of a step after the commit, and of a proxy nobody knows what it has passed on before (facts §9).
  return certain(outcome, asked) ?? new InDoubt(`it answered ${answerOf(outcome)}`);
}

/** A secret that is not there, in a folder that is. */
export function isAbsent(outcome: Reply | NoReply): boolean {
  return isReply(outcome) && outcome.status === 404 && isSecretMissing(refusalIn(outcome)?.message ?? '');
}

export function isValueForbidden(outcome: Reply | NoReply): boolean {
  return isReply(outcome) && outcome.status === 403 && refusalIn(outcome)?.error === 'ForbiddenReadSecretError';
}

export function isForbidden(outcome: Reply | NoReply): boolean {
  return isReply(outcome) && outcome.status === 403 && refusalIn(outcome)?.error === 'PermissionDenied';
}

/** Refusals in Infisical's own words, after which nothing has changed. null: what came may mean anything. */
function certain(reply: Reply, asked: Asked): KeyturnError | null {
  const refused = (why: string) => fault('KEYTURN_STORE_REFUSED', asked.store, asked.place, why);
  const unavailable = (why: string) => fault('KEYTURN_STORE_UNAVAILABLE', asked.store, why);
  const answer = answerOf(reply);
  if (reply.status === 429) return retryAfter(unavailable(`it answered ${answer}`), waitAskedFor(reply));
  const refusal = refusalIn(reply);
  if (refusal === null) return null;
  if (isTokenRefused(reply)) return unavailable(`Infisical does not accept its token (${answer})`);
  if (reply.status === 403) return refused(`${notAllowed(refusal, asked)} (${answer})`);
  if (reply.status === 404) return refused(`${noSuchFolder(asked)} (${answer})`);
  if (reply.status >= 400 && reply.status < 500) return refused(`${objection(reply, refusal, asked)} (${answer})`);
  return null;
}

export function noSuchFolder({ folder }: Asked): string {
  return `there is no ${folder}, or its project is not there; Keyturn makes no folders`;
}

function isSecretMissing(message: string): boolean {
  return /^Secret (with name\b.*)?not found/s.test(message);
}

function notAllowed({ error, message }: Refusal, { action }: Asked): string {
  if (error === 'ProjectMembershipNotFound') return 'its identity is not in the project; add it under Access Control';
  if (message.includes('from the current IP address'))
    return 'its identity may not come from the address of this machine';
  const needed = error === 'ForbiddenReadSecretError' ? 'readValue' : action;
  return `Infisical does not allow it; it takes the right to ${needed} on secrets`;
}

function objection({ status }: Reply, { error, message }: Refusal, { isUndo, action }: Asked): string {
  if (/rotated secret/i.test(message)) return ownedByRotation;
  if (error === 'SecretPolicyViolation')
    return 'its secret scanning takes the value for a leaked one; exempt the folder';
  if (status === 400 && isUndo === true) {
    return 'a validation rule of the project refuses the value from before, as one against reused values does with every undo; switch it off for this folder, and undo again';
  }
  return action === 'create' || action === 'edit'
    ? 'a validation rule of the project, or its plan, is against it'
    : 'Infisical does not take the request';
}
