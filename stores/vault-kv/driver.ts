import { fault } from '../../errors/keyturn-error.ts';
import { Secret } from '../../secrets/secret.ts';
import { type Driver, Moved, type Put, type Seen, type Sending } from '../driver.ts';
import { inWords, type Spot, type StoreCheck } from '../store.ts';
import type { VaultLogin } from './auth.ts';
import { vaultPromises } from './declaration.ts';
import type { VaultAnswer, VaultHttp, VaultRequest } from './http.ts';

/** `cas`: what a write has to name so that it goes over exactly this; of a deleted version too (facts §3.2). */
type Sight = Seen & { cas: number; field: string; entry: Record<string, unknown> | null };

type Former = { value: string | null; wasAbsent: boolean };

export type VaultOptions = {
  name: string;
  address: string;
  mount: string;
  namespace: string | undefined;
  http: VaultHttp;
  login: VaultLogin;
};

/** The field of an entry that has one field, and of one that is made. */
const onlyField = 'value';

/** A field of an entry of a KV engine, version 2. */
export function vaultDriver({ name, address, mount, namespace, http, login }: VaultOptions): Driver<Sight> {
  const refused = (spot: Spot, why: string) => fault('KEYTURN_STORE_REFUSED', name, inWords(spot), why);
  const at = (kind: 'data' | 'metadata', spot: Spot) =>
    `${mount}/${kind}/${spot.name.split('/').map(encodeURIComponent).join('/')}`;
  let isVersion2 = false;

  /** With the token; where that is refused, once more with a fresh one. A 403 was not carried out, so this is no re-send. */
  async function ask(request: Omit<VaultRequest, 'token'>): Promise<VaultAnswer> {
    const token = await login.token();
    const answer = await http({ ...request, token: token.reveal() });
    if (answer.status !== 403 || (await isTokenGood(token))) return answer;
    if (!(await login.renewAfterRefusal(token))) return answer;
    return http({ ...request, token: (await login.token()).reveal() });
  }

  /** The texts of bad, expired and unauthorised tokens are the same (facts §3.8). */
  async function isTokenGood(token: Secret): Promise<boolean> {
    const answer = await http({ method: 'GET', path: 'auth/token/lookup-self', token: token.reveal() });
    return answer.status === 200;
  }

  async function requireVersion2(spot: Spot): Promise<void> {
    if (isVersion2) return;
    const { status, data } = await ask({ method: 'GET', path: `sys/internal/ui/mounts/${mount}` });
    if (status !== 200) return;
    const { type, options } = data as { type?: string; options?: { version?: string } | null };
    if (type !== 'kv' || options?.version !== '2') {
      throw refused(
        spot,
        `${mount} is no KV engine of version 2, which alone can refuse a write over what has changed`,
      );
    }
    isVersion2 = true;
  }

  async function look(spot: Spot): Promise<Sight> {
    if (/(^|\/)(\.\.?)?(\/|$)/.test(spot.name)) throw refused(spot, 'it is no path of an entry');
    await requireVersion2(spot);
    const { status, data } = await ask({ method: 'GET', path: at('data', spot) });
    if (status === 403) throw refused(spot, `its token lacks read on ${at('data', spot)}`);
    if (status !== 200 && status !== 404) throw refused(spot, `reading it was answered with ${status}`);
    const { data: entry = null, metadata } = (data ?? {}) as { data?: Record<string, unknown> | null; metadata?: Meta };
    const cas = metadata?.version ?? 0;
    const field = spot.field ?? fieldOf(entry);
    if (field === null) throw refused(spot, `it has several fields (${fieldNames(entry)}); name one of them as field`);
    const held = entry?.[field];
    if (held !== undefined && typeof held !== 'string') throw refused(spot, `its field ${field} holds no text`);
    const value = held ?? null;
    return {
      cas,
      field,
      entry,
      value: value === null ? null : new Secret(value),
      version: entry === null ? null : String(cas),
      memento: { value, wasAbsent: entry === null } satisfies Former,
    };
  }

  /** The field, and nothing else, over exactly the version that was seen; null takes it away. */
  async function write(spot: Spot, value: string | null, over: Sight, { mayBeSent }: Sending): Promise<Put> {
    const { cas, field, entry } = over;
    const options = { cas };
    if (entry !== null) {
      const patch = { options, data: { [field]: value } };
      const answer = await ask({ method: 'PATCH', path: at('data', spot), body: patch, changes: mayBeSent });
      // Without the right to patch, or before there were patches, the entry is written whole: cas keeps that safe.
      if (![403, 404, 405].includes(answer.status)) return written(spot, answer, 'patch');
    }
    const { [field]: _, ...others } = entry ?? {};
    const body = { options, data: value === null ? others : { ...others, [field]: value } };
    const answer = await ask({ method: 'POST', path: at('data', spot), body, changes: mayBeSent });
    return written(spot, answer, entry === null ? 'create' : 'update');
  }

  function written(spot: Spot, { status, errors, data }: VaultAnswer, right: string): Put {
    if (status === 200) return { version: String((data as { version: number }).version), approval: null };
    if (status === 400 && errors.some((text) => text.includes('check-and-set'))) throw new Moved(name);
    if (status === 403) throw refused(spot, `its token lacks ${right} on ${at('data', spot)}`);
    throw refused(spot, `writing it was answered with ${status}`);
  }

  /** An entry that holds nothing but ours goes; where it was made for it, with its history. */
  async function empty(spot: Spot, over: Sight, isCreation: boolean, { mayBeSent }: Sending): Promise<Put> {
    const isAlone = over.entry !== null && Object.keys(over.entry).length === 1;
    if (!isAlone) return write(spot, null, over, { token: '', mayBeSent });
    const metadata = await ask({ method: 'GET', path: at('metadata', spot) });
    const current = (metadata.data as { current_version?: number } | null)?.current_version;
    if (metadata.status === 200 && current !== over.cas) throw new Moved(name);
    const kind = isCreation && over.cas === 1 ? 'metadata' : 'data';
    const { status } = await ask({ method: 'DELETE', path: at(kind, spot), changes: mayBeSent });
    if (status === 403) throw refused(spot, `its token lacks delete on ${at(kind, spot)}`);
    if (status >= 400 && status !== 404) throw refused(spot, `deleting it was answered with ${status}`);
    return { version: null, approval: null };
  }

  return {
    name,
    kind: 'vault',
    promises: vaultPromises,
    addressOf: async (spot) => `vault ${address} ${namespace ?? ''} ${mount}/${spot.name}`,

    async check(spot): Promise<StoreCheck> {
      const { entry } = await look(spot);
      const [data, metadata] = [at('data', spot), at('metadata', spot)];
      const { status, data: told } = await ask({
        method: 'POST',
        path: 'sys/capabilities-self',
        body: { paths: [data, metadata] },
      });
      const may = (path: string, right: string) => {
        const granted = (told as Record<string, string[]> | null)?.[path];
        return status !== 200 || granted === undefined ? null : granted.includes(right) || granted.includes('root');
      };
      const right = (path: string, word: string, to: string) => ({
        right: `${word} on ${path}`,
        to,
        granted: may(path, word),
      });
      const isNew = entry === null;
      return {
        rights: [
          right(data, 'read', 'read'),
          right(data, isNew ? 'create' : 'update', 'write'),
          ...(isNew ? [right(data, 'update', 'write the next one'), right(metadata, 'delete', 'undo the first')] : []),
          ...(isNew ? [right(metadata, 'read', 'undo the first')] : []),
        ],
        refusal: null,
        warnings:
          may(data, 'patch') === false
            ? ['without the right to patch, the whole entry is read and written; other fields are kept']
            : [],
      };
    },

    look,
    put: (spot, value, over, sending) => write(spot, value.reveal(), over, sending),
    putBack(spot, memento, over, sending) {
      const { value, wasAbsent } = memento as unknown as Former;
      return value === null ? empty(spot, over, wasAbsent, sending) : write(spot, value, over, sending);
    },
    takeAway: (spot, over, sending) => empty(spot, over, false, sending),
  };
}

type Meta = { version?: number };

function fieldOf(entry: Record<string, unknown> | null): string | null {
  const names = Object.keys(entry ?? {});
  if (names.length > 1) return null;
  return names[0] ?? onlyField;
}

function fieldNames(entry: Record<string, unknown> | null): string {
  return Object.keys(entry ?? {})
    .slice(0, 8)
    .join(', ');
}
