import { z } from 'zod';
import { inWords, type Right, type Spot, type StoreCheck } from '../store.ts';
import {
  type Asked,
  answerOf,
  isDone,
  isReply,
  noNamespace,
  notAllowed,
  objection,
  readingFailed,
  rightTo,
  type Verb,
} from './classify.ts';
import type { ClusterAccess } from './cluster-access.ts';
import type { HttpRequest, NoReply, Reply } from './http.ts';
import { refusalOf, warningsOf } from './ownership.ts';
import { addressAt } from './secret-address.ts';
import { keyAt, noKey } from './secret-key.ts';
import { isOurs, newSecret } from './secret-object.ts';
import { creation, mergePatch, type SecretsApi } from './secrets-api.ts';

type Tools = { name: string; access: ClusterAccess; api: SecretsApi; namespace: string | undefined };
type Finding = { refusal: string | null; warning: string | null };

const forWhat: Record<Verb, string> = {
  get: 'see what it holds, and that a write arrived',
  patch: 'write the key, and put it back',
  create: 'make the Secret, which is not there',
  delete: 'take the Secret out again, which is of its making',
};

const placeholder = Buffer.from('a value of a dry run, which is not stored').toString('base64');

/** Asks the cluster what it would allow, and sends it a write to be judged and not stored. */
export async function checkSecret(spot: Spot, { name, access, api, namespace }: Tools): Promise<StoreCheck> {
  const cluster = await access.place();
  const at = addressAt(spot, namespace ?? (await access.namespace()));
  if ('wrong' in at) return { rights: [], refusal: at.wrong, warnings: [] };
  const asked = (verb: Verb): Asked => ({ store: name, place: inWords(spot), verb, at });
  const rightFor = (verb: Verb) => reviewed(asked(verb), api);

  const warnings = cluster.verifies ? [] : ['Whether it is the right cluster is not verified: allowInsecure is set.'];
  const [get, patch] = await Promise.all([rightFor('get'), rightFor('patch')]);
  if (get.granted === false) return { rights: [get, patch], refusal: null, warnings };

  const secret = await api.get(asked('get'));
  const more = secret === null ? (['create', 'delete'] as const) : isOurs(secret) ? (['delete'] as const) : [];
  const rights: Right[] = [get, patch, ...(await Promise.all(more.map(rightFor)))];

  const key = keyAt(spot, secret);
  if (key === null) return { rights, refusal: noKey, warnings };
  if (typeof key === 'object') return { rights, refusal: key.wrong, warnings };
  if (secret !== null) {
    warnings.push(...warningsOf(secret, key));
    const refusal = refusalOf(secret, key);
    if (refusal !== null) return { rights, refusal, warnings };
  }
  const verb = secret === null ? 'create' : 'patch';
  if (rights.find(({ right }) => right === rightTo(verb, at))?.granted === false)
    return { rights, refusal: null, warnings };
  const write: HttpRequest =
    secret === null ? creation(at, newSecret(at.name, key, placeholder)) : mergePatch(at, secret, key, placeholder);
  const { refusal, warning } = judged(await api.dryRun(write), asked(verb));
  return { rights, refusal, warnings: warning === null ? warnings : [...warnings, warning] };
}

const review = z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) });

/** Every user that is known to a cluster may ask what he may. */
async function reviewed(asked: Asked, api: SecretsApi): Promise<Right> {
  const { verb, at } = asked;
  const resourceAttributes = {
    namespace: at.namespace,
    verb,
    version: 'v1',
    resource: 'secrets',
    ...(verb === 'create' ? {} : { name: at.name }),
  };
  const outcome = await api.ask({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } },
  });
  const read = review.safeParse(isDone(outcome) ? outcome.json : undefined);
  const isUntold = isReply(outcome) && outcome.status === 403;
  if (!read.success && !isUntold) throw readingFailed(outcome, asked);
  return { right: rightTo(verb, at), to: forWhat[verb], granted: read.success ? read.data.status.allowed : null };
}

/** What a dry run says of the write that it stands for. */
function judged(outcome: Reply | NoReply, asked: Asked): Finding {
  if (isDone(outcome)) return { refusal: null, warning: null };
  const refused = (refusal: string | null): Finding => ({ refusal, warning: null });
  if (!isReply(outcome)) throw readingFailed(outcome, asked);
  if (outcome.status === 404 && asked.verb === 'create') return refused(noNamespace(asked.at));
  // Changed since it was looked at, a moment ago: that is no objection.
  if (outcome.status === 404 || outcome.status === 409) return refused(null);
  if (outcome.status === 403) return refused(notAllowed(outcome, asked.verb, asked.at));
  if (outcome.status === 422 || outcome.status === 413) return refused(objection(outcome));
  if (outcome.status === 400) {
    const warning = `No dry run could be made (${answerOf(outcome)}): an admission rule may refuse the first write.`;
    return { refusal: null, warning };
  }
  throw readingFailed(outcome, asked);
}
