import { fault } from '../../errors/keyturn-error.ts';
import { Secret } from '../../secrets/secret.ts';
import type { Driver, Put, Seen, Sending } from '../driver.ts';
import type { StorePromises } from '../promises.ts';
import { inWords, type Spot } from '../store.ts';
import { checkSecret } from './check.ts';
import type { Asked, Verb } from './classify.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { refusalOf } from './ownership.ts';
import { addressAt, type SecretAddress } from './secret-address.ts';
import { keyAt, noKey } from './secret-key.ts';
import { isOurs, newSecret, type SecretObject } from './secret-object.ts';
import { creation, deletion, jsonPatch, mergePatch, type SecretsApi } from './secrets-api.ts';

/** `key`: the spot's, or the only one there is; null: the spot names none, and there is none. */
export type SecretSight = Seen & { at: SecretAddress; secret: SecretObject | null; key: string | null };

export type KubernetesOptions = {
  name: string;
  promises: StorePromises;
  access: ClusterAccess;
  api: SecretsApi;
  /** Where a spot names no namespace. */
  namespace: string | undefined;
};

/** Bytes as the cluster wrote them: a value that is no text is put back exactly, too. */
type Former = { base64: string | null };

/** A key of a Secret. */
export function kubernetesDriver({ name, promises, access, api, namespace }: KubernetesOptions): Driver<SecretSight> {
  const refused = (spot: Spot, why: string) => fault('KEYTURN_STORE_REFUSED', name, inWords(spot), why);
  const asked = (spot: Spot, at: SecretAddress, verb: Verb): Asked => ({ store: name, place: inWords(spot), verb, at });

  async function addressOf(spot: Spot): Promise<SecretAddress> {
    const at = addressAt(spot, namespace ?? (await access.namespace()));
    if ('wrong' in at) throw refused(spot, at.wrong);
    return at;
  }

  async function look(spot: Spot): Promise<SecretSight> {
    const at = await addressOf(spot);
    const secret = await api.get(asked(spot, at, 'get'));
    const key = keyAt(spot, secret);
    if (key !== null && typeof key === 'object') throw refused(spot, key.wrong);
    const base64 = key === null ? null : (secret?.data[key] ?? null);
    return {
      at,
      secret,
      key,
      value: base64 === null ? null : new Secret(Buffer.from(base64, 'base64').toString('utf8')),
      version: secret?.metadata.resourceVersion ?? null,
      memento: { base64 } satisfies Former,
    };
  }

  return {
    name,
    kind: 'kubernetes',
    promises,

    async addressOf(spot) {
      const { server } = await access.place();
      const { namespace, name } = await addressOf(spot);
      return `kubernetes ${server} ${namespace}/${name}`;
    },

    check: (spot) => checkSecret(spot, { name, access, api, namespace }),

    look,

    async put(spot, value, over, sending) {
      const { at, secret, key } = over;
      if (key === null) throw refused(spot, noKey);
      const refusal = secret === null ? null : refusalOf(secret, key);
      if (refusal !== null) throw refused(spot, refusal);
      const base64 = Buffer.from(value.reveal()).toString('base64');
      const change =
        secret === null
          ? api.change(creation(at, newSecret(at.name, key, base64)), asked(spot, at, 'create'), sending)
          : api.change(mergePatch(at, secret, key, base64), asked(spot, at, 'patch'), sending);
      return putAs(await change);
    },

    putBack: (spot, memento, over, sending) => {
      const { base64 } = memento as unknown as Former;
      return replaced(spot, base64, over, sending);
    },

    takeAway: (spot, over, sending) => replaced(spot, null, over, sending),

    close: () => api.close(),
  };

  /** `over` holds what is to go. Without a former value the key goes, and the Secret too where it was made for it alone. */
  async function replaced(spot: Spot, former: string | null, over: SecretSight, sending: Sending): Promise<Put> {
    const { at, secret, key } = over;
    const ours = secret === null || key === null ? undefined : secret.data[key];
    if (secret === null || key === null || ours === undefined) return putAs(secret);
    // Whoever owns the Secret by now: a key that is revoked must not stay in it.
    if (secret.immutable) throw refused(spot, refusalOf(secret, key) ?? '');
    if (former === null && Object.keys(secret.data).length === 1 && isOurs(secret)) {
      await api.change(deletion(at, secret), asked(spot, at, 'delete'), sending);
      return putAs(null);
    }
    return putAs(await api.change(jsonPatch(at, key, ours, former), asked(spot, at, 'patch'), sending));
  }
}

function putAs(secret: SecretObject | null): Put {
  return { version: secret?.metadata.resourceVersion ?? null, approval: null };
}
