import { fault } from '../../errors/keyturn-error.ts';
import { Secret } from '../../secrets/secret.ts';
import type { Driver, Put, Seen, Sending } from '../driver.ts';
import type { StoreContext } from '../kind.ts';
import type { StorePromises } from '../promises.ts';
import { type Approval, inWords, type Spot } from '../store.ts';
import { approvalOf, isHeldAs, pathOf, standingIn } from './approval-request.ts';
import { checkSecret } from './check.ts';
import { type Action, type Asked, ownedByRotation } from './classify.ts';
import type { DeclaredInfisical } from './declaration.ts';
import { giveBack } from './give-back.ts';
import { unwritable, wrongName } from './limits.ts';
import { type Found, madeByKeyturn, type Sent } from './secret-answer.ts';
import type { SecretsApi } from './secrets-api.ts';
import { shown } from './shown.ts';

/** `found` with an empty value: a secret that waits for one. Nothing is there, as with none at all. */
export type InfisicalSight = Seen & { found: Found | null };

type Former = { value: string | null };

export type DriverOptions = {
  declared: DeclaredInfisical;
  context: StoreContext;
  promises: StorePromises;
  api: SecretsApi;
};

/** A secret in a folder of Infisical. */
export function infisicalDriver({ declared, context, promises, api }: DriverOptions): Driver<InfisicalSight> {
  const { name: store, time } = context;
  const tools = { api, time };
  const { url, project, environment, path } = declared;
  const folder = `folder ${path} in environment ${environment}`;
  /** By the write they belong to: a write that waits for approval is not sent again, however often it is tried. */
  const waiting = new Map<string, Approval>();

  const asking = (spot: Spot, action: Action, isUndo = false): Asked => ({
    store,
    place: inWords(spot),
    folder,
    action,
    isUndo,
  });
  const refuse = (spot: Spot, why: string | null) => {
    if (why !== null) throw fault('KEYTURN_STORE_REFUSED', store, inWords(spot), why);
  };

  async function look(spot: Spot): Promise<InfisicalSight> {
    refuse(spot, wrongName(spot));
    const found = await api.get(spot.name, asking(spot, 'readValue'));
    const value = found?.value || null;
    return {
      found,
      value: value === null ? null : new Secret(value),
      version: found === null ? null : versionOf(found),
      memento: { value } satisfies Former,
    };
  }

  async function approval(spot: Spot, request: Approval): Promise<'open' | 'merged' | 'closed'> {
    const standing = standingIn(await api.askFor(pathOf(request)), asking(spot, 'readValue'));
    if (standing !== null) return standing;
    const { found } = await look(spot);
    return isHeldAs(request, found?.value || null) ? 'merged' : 'open';
  }

  /** Sends it, unless an earlier try of the same waits for approval. @param value that the place is to hold */
  async function once(
    spot: Spot,
    value: string | null,
    sending: Sending,
    send: () => Promise<Sent>,
  ): Promise<Put | Sent> {
    const earlier = waiting.get(sending.token);
    if (earlier !== undefined && (await approval(spot, earlier)) === 'open')
      return { version: null, approval: earlier };
    waiting.delete(sending.token);
    const sent = await send();
    if (!('approval' in sent)) return sent;
    const request = approvalOf(sent.approval, value, declared);
    waiting.set(sending.token, request);
    return { version: null, approval: request };
  }

  async function write(
    spot: Spot,
    value: string,
    over: InfisicalSight,
    sending: Sending,
    isUndo: boolean,
  ): Promise<Put> {
    const { found } = over;
    refuse(spot, found?.isRotated === true ? ownedByRotation : null);
    const sent = await once(spot, value, sending, () =>
      found === null
        ? api.create(spot.name, value, madeByKeyturn, asking(spot, 'create', isUndo), sending)
        : api.update(spot.name, value, asking(spot, 'edit', isUndo), sending),
    );
    if (!('id' in sent)) return sent as Put;
    const isNext = found === null || (sent.id === found.id && sent.version === found.version + 1);
    if (!isNext) {
      await giveBack({ name: spot.name, ours: value, sent, over: found, asked: asking(spot, 'edit'), sending }, tools);
    }
    const { id, version } = sent;
    const isShown = (now: Found | null) => now !== null && (now.id === id ? now.version >= version : found === null);
    await shown(spot.name, isShown, asking(spot, 'readValue'), tools);
    return { version: versionOf(sent), approval: null };
  }

  /** Only what Keyturn has made goes with all that belongs to it; another secret waits for a value, as it may have before. */
  async function empty(spot: Spot, over: InfisicalSight, sending: Sending, isUndo: boolean): Promise<Put> {
    if (over.found?.comment !== madeByKeyturn) return write(spot, '', over, sending, isUndo);
    refuse(spot, over.found.isRotated ? ownedByRotation : null);
    const sent = await once(spot, null, sending, () => api.destroy(spot.name, asking(spot, 'delete', isUndo), sending));
    if (!('id' in sent)) return sent as Put;
    await shown(spot.name, (now) => now?.id !== sent.id, asking(spot, 'readValue'), tools);
    return { version: null, approval: null };
  }

  return {
    name: store,
    kind: 'infisical',
    promises,
    // Two names of one server.
    addressOf: async ({ name }) => [url.replace('//us.', '//app.'), project, environment, path, name].join(' '),
    check: (spot) => checkSecret(spot, { api, declared, asking: (action) => asking(spot, action) }),
    look,
    put(spot, value, over, sending) {
      refuse(spot, unwritable(value.reveal()));
      return write(spot, value.reveal(), over, sending, false);
    },
    putBack(spot, memento, over, sending) {
      const { value } = memento as Former;
      return value === null ? empty(spot, over, sending, true) : write(spot, value, over, sending, true);
    },
    takeAway: (spot, over, sending) => empty(spot, over, sending, false),
    approval,
    close: () => api.close(),
  };
}

/** A secret that is deleted and made again begins at 1: its id goes along. */
function versionOf({ id, version }: { id: string; version: number }): string {
  return `${version} (${id.slice(-8)})`;
}
