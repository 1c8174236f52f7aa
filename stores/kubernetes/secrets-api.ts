import { fault } from '../../errors/keyturn-error.ts';
import type { Sending } from '../driver.ts';
import { type Asked, changeFailed, isAbsent, isDone, isReply, readingFailed } from './classify.ts';
import type { ClusterAccess } from './cluster-access.ts';
import type { Http, HttpRequest, NoReply, Reply } from './http.ts';
import type { SecretAddress } from './secret-address.ts';
import { type SecretObject, secretObject } from './secret-object.ts';

/** Whose changes they are, in `managedFields` and in the cluster's log. */
const manager = 'fieldManager=keyturn';

export type SecretsApi = {
  /** As fresh as the cluster can answer; null: it is not there, or its namespace is not. */
  get(asked: Asked): Promise<SecretObject | null>;
  /** @throws Moved, InDoubt, or a fault where it certainly was not done */
  change(request: HttpRequest, asked: Asked, sending: Sending): Promise<SecretObject | null>;
  /** The same request, which the cluster takes through everything but the storing. */
  dryRun(request: HttpRequest): Promise<Reply | NoReply>;
  /** Asks for something else than a Secret; changes nothing. */
  ask(request: HttpRequest): Promise<Reply | NoReply>;
  close(): Promise<void>;
};

export function secretPath({ namespace, name }: SecretAddress): string {
  return `/api/v1/namespaces/${namespace}/secrets/${name}`;
}

/** `over`: what it must still be, or the cluster answers 409 (facts §4.2). */
export function mergePatch(at: SecretAddress, { metadata }: SecretObject, key: string, base64: string): HttpRequest {
  const { resourceVersion, uid } = metadata;
  return {
    method: 'PATCH',
    path: secretPath(at),
    body: { metadata: { resourceVersion, uid }, data: { [key]: base64 } },
    contentType: 'application/merge-patch+json',
  };
}

/** Changes one key while it still is `ours`, whatever else of the Secret was edited meanwhile. */
export function jsonPatch(at: SecretAddress, key: string, ours: string, former: string | null): HttpRequest {
  const path = `/data/${key}`; // a key has neither ~ nor /
  const then = former === null ? { op: 'remove', path } : { op: 'replace', path, value: former };
  return {
    method: 'PATCH',
    path: secretPath(at),
    body: [{ op: 'test', path, value: ours }, then],
    contentType: 'application/json-patch+json',
  };
}

export function creation({ namespace }: SecretAddress, body: object): HttpRequest {
  return { method: 'POST', path: `/api/v1/namespaces/${namespace}/secrets`, body };
}

export function deletion(at: SecretAddress, { metadata }: SecretObject): HttpRequest {
  const { resourceVersion, uid } = metadata;
  return { method: 'DELETE', path: secretPath(at), body: { preconditions: { resourceVersion, uid } } };
}

export function secretsApi(access: ClusterAccess, http: Http): SecretsApi {
  /** A token may end in the middle: had anew, and asked once more. */
  async function ask(request: HttpRequest): Promise<Reply | NoReply> {
    const outcome = await http.send(await access.now(), request);
    if (!isReply(outcome) || outcome.status !== 401) return outcome;
    access.notAccepted();
    return http.send(await access.now(), request);
  }

  return {
    async get(asked) {
      const outcome = await ask({ method: 'GET', path: secretPath(asked.at) });
      if (isAbsent(outcome)) return null;
      if (!isDone(outcome)) throw readingFailed(outcome, asked);
      const secret = secretObject(outcome.json);
      if (secret !== null) return secret;
      throw fault('KEYTURN_STORE_UNAVAILABLE', asked.store, 'what it answered is no Secret');
    },

    async change(request, asked, sending) {
      // Credentials may take long to be had; how old a write is, is judged when it leaves.
      const cluster = await access.now();
      sending.mayBeSent();
      const outcome = await http.send(cluster, { ...request, path: withQuery(request, manager) });
      if (isDone(outcome)) return secretObject(outcome.json);
      if (isReply(outcome) && outcome.status === 401) access.notAccepted();
      throw changeFailed(outcome, asked);
    },

    dryRun: (request) => ask({ ...request, path: withQuery(request, `${manager}&dryRun=All`) }),
    ask,
    close: () => http.close(),
  };
}

/** DELETE has no field manager. */
function withQuery({ method, path }: HttpRequest, query: string): string {
  return method === 'DELETE' ? path : `${path}?${query}`;
}
