import type { Tools } from '../../activities/tools.ts';
import { liveSettings } from '../../activities/tools.ts';
import { fault, type KeyturnError, retryAfter } from '../../errors/keyturn-error.ts';
import type { Keyring } from '../../keyring/keyring.ts';
import type { ManagementApi } from '../../openrouter/management-api.ts';
import { conditionalStore } from '../../stores/conditional-store.ts';
import { type Driver, InDoubt, type Put, type Seen, type Sending } from '../../stores/driver.ts';
import { lostWriteLifeMs, type StorePromises, sendsForMs } from '../../stores/promises.ts';
import type { Spot, Store } from '../../stores/store.ts';
import type { StepName } from '../../workflows/saga/step-table.ts';
import type { Clock } from './clock.ts';
import type { Injection } from './injections.ts';
import type { Author, OpenRouter } from './openrouter.ts';
import { conditionalPromises, type FencedMemento, type MemoryStore } from './store.ts';

/** One execution of an activity by a worker. It may go on after it was given up. */
export type Attempt = {
  readonly step: StepName;
  readonly injection: Injection | null;
  readonly author: Extract<Author, { by: 'keyturn' }>;
  /** How many requests it has made. */
  requests: number;
  struck: boolean;
  /** The worker dies: this attempt never answers. */
  die(downMs: number): void;
  /** It has struck. */
  strike(): void;
};

export type Surroundings = {
  clock: Clock;
  /** By connection. */
  accounts: ReadonlyMap<string, OpenRouter>;
  stores: ReadonlyMap<string, MemoryStore>;
  keyring: Keyring;
  /** How long one way of a request takes, milliseconds; null: no time passes on it. */
  latencyMs: (() => number) | null;
  /** The worker's own clock against the true one; an injection may move it. */
  worker: { skewMs: number };
};

type Request = keyof ManagementApi | keyof Store | keyof Driver;

/** The request that a step is there for: what an injection strikes unless it says otherwise. */
const mainRequests: Record<StepName, readonly Request[]> = {
  createKey: ['createKey'],
  verifyKey: ['currentKey'],
  captureSecret: ['capture', 'look'],
  storeSecret: ['write', 'put'],
  verifySecret: ['read', 'look'],
  restoreSecret: ['restore', 'putBack'],
  removeSecret: ['remove', 'takeAway'],
  renameKey: ['patchKey'],
  reapKey: ['listKeys', 'deleteKey'],
  disableKey: ['patchKey'],
  deleteKey: ['deleteKey'],
  planRun: [],
  confirmRun: [],
};

const reads: ReadonlySet<Request> = new Set(['listKeys', 'getKey', 'read', 'look']);

/** How long the client waits for an answer (openrouter/client.ts), and how long it takes to hear of a broken one. */
const clientTimeoutMs = 30_000;

/** What a step works with, for one attempt: everything it asks goes over the wire, where the attempt's injection waits. */
export function toolsFor(attempt: Attempt, world: Surroundings): Tools {
  return {
    openrouter: async (connection) => managementApi(attempt, world, connection),
    store: async (name) => storeOverTheWire(attempt, world, name),
    leases: { claim: async () => null, release: async () => {} },
    stillOurs: async () => {},
    keyring: world.keyring,
    settings: liveSettings,
    now: () => world.clock.now() + world.worker.skewMs,
    wait: world.clock.wait,
    giveWay: world.clock.wait,
    once: (_, work) => work(),
  };
}

function managementApi(attempt: Attempt, world: Surroundings, connection: string): ManagementApi {
  const openrouter = world.accounts.get(connection);
  if (openrouter === undefined) throw fault('KEYTURN_CONNECTION_UNKNOWN', connection, [...world.accounts.keys()]);
  // Requests of one connection meet the edges in turn, so a row of answers has seen them all.
  let edge = 0;
  const send = <T>(request: keyof ManagementApi, effect: (ageMs: number) => T): Promise<T> => {
    const broken = (why: string) =>
      request === 'createKey'
        ? fault('KEYTURN_CREATE_AMBIGUOUS', why)
        : fault('KEYTURN_OPENROUTER_UNAVAILABLE', request, why);
    const refusal = () => {
      const outage = openrouter.outageNow();
      if (outage === '401') {
        return request === 'currentKey'
          ? fault('KEYTURN_KEY_NOT_ACCEPTED', 'it answers 401')
          : fault('KEYTURN_CONNECTION_REFUSED', connection);
      }
      return outage === '5xx' ? broken('it answered 503') : null;
    };
    const limited = (ms: number | null) =>
      retryAfter(fault('KEYTURN_OPENROUTER_RATE_LIMITED', request), ms ?? undefined);
    return overTheWire(attempt, world, { request, effect, partly: effect, refusal, broken, limited });
  };
  return {
    createKey: (settings) => send('createKey', () => openrouter.create(settings, attempt.author.since)),
    listKeys: (workspace) => send('listKeys', (ageMs) => openrouter.list(workspace, ageMs)),
    getKey: (hash) => send('getKey', (ageMs) => openrouter.get(hash, ageMs)),
    patchKey: (hash, changes) => send('patchKey', () => openrouter.patch(hash, changes, attempt.author)),
    deleteKey: (hash) => send('deleteKey', () => openrouter.delete(hash, attempt.author)),
    currentKey: (secret) => send('currentKey', () => openrouter.current(secret, edge++)),
    credits: () => send('credits', () => ({ totalCredits: 100, totalUsage: 0 })),
    workspaces: () => send('workspaces', () => []),
  };
}

function storeOverTheWire(attempt: Attempt, world: Surroundings, name: string): Store {
  const store = world.stores.get(name);
  if (store === undefined) throw fault('KEYTURN_STORE_UNKNOWN', name, [...world.stores.keys()]);
  const promises = conditionalPromises[name];
  const broken = (why: string) => fault('KEYTURN_STORE_UNAVAILABLE', name, why);
  const refusal = () => (world.clock.now() < store.unavailableUntilMs ? broken('it is down') : null);
  const limited = (ms: number | null) => retryAfter(broken('too many requests'), ms ?? undefined);
  const common = { isBlind: store.isWriteOnly, refusal, broken, limited };
  const send = <T>(request: Request, effect: (ageMs: number) => T, partly = effect): Promise<T> =>
    overTheWire(attempt, world, { request, effect, partly, ...common });
  return promises === undefined
    ? fencedStore(store, send)
    : conditional(store, promises, { attempt, world, common, send });
}

type Send = <T>(request: Request, effect: (ageMs: number) => T, partly?: (ageMs: number) => T) => Promise<T>;

const fencedPromises: StorePromises = {
  ...{ readsBack: true, comparesAndSets: false, fences: true, owns: true, versions: true, countsWrites: true },
  readsLagMs: 0,
  readersFollow: { at: 'once' },
};

function fencedStore(store: MemoryStore, send: Send): Store {
  return {
    name: store.name,
    kind: 'fenced',
    promises: { ...fencedPromises, readsBack: !store.isWriteOnly },
    addressOf: async () => null,
    check: async ({ name }, policy) => {
      await send('check', () => store.check({ name, policy }));
      return { rights: [], refusal: null, warnings: [] };
    },
    capture: async ({ name }, { policy }) => {
      await send('check', () => store.check({ name, policy }));
      return { memento: await send('capture', () => store.capture({ name, policy })), note: '' };
    },
    write: async ({ name }, value, { policy, rotationId }) => {
      const write = (partly: boolean) => () => store.write({ name, policy }, value.reveal(), rotationId, partly);
      await send('write', write(false), write(true));
      return { version: null, approval: null };
    },
    read: ({ name }, policy) => send('read', (ageMs) => store.read({ name, policy }, ageMs)),
    restore: async ({ name }, before, { policy, rotationId }) => {
      const restore = (partly: boolean) => () =>
        store.restore({ name, policy }, before as FencedMemento, rotationId, partly);
      const { shown } = await send('restore', restore(false), restore(true));
      return { end: 'restored', shown, approval: null };
    },
    remove: async ({ name }, policy) => {
      await send('remove', () => store.remove({ name, policy }));
      return 'removed';
    },
  };
}

type Way = Pick<Sent<unknown>, 'isBlind' | 'refusal' | 'broken' | 'limited'>;

/** Single looks and single writes over the wire, with the real rules around them. */
function conditional(
  store: MemoryStore,
  promises: StorePromises,
  { attempt, world, common, send }: { attempt: Attempt; world: Surroundings; common: Way; send: Send },
): Store {
  const time = { now: () => world.clock.now() + world.worker.skewMs, wait: world.clock.wait };
  const change = (request: Request, effect: () => Put, nothing: Put): Promise<Put> =>
    overTheWire(attempt, world, {
      request,
      effect,
      // It is staged, and not yet what readers see.
      partly: () => nothing,
      ...common,
      broken: (why) => new InDoubt(why),
      longestMs: lostWriteLifeMs - sendsForMs - 5_000,
    });
  const driver = (by: string): Driver => {
    const over = (seen: Seen) => (promises.comparesAndSets ? seen : null);
    const put = (request: Request, { name }: Spot, value: string | null, seen: Seen, who: string, sending: Sending) => {
      sending.mayBeSent();
      return change(request, () => store.put(name, value, over(seen), who), { version: seen.version, approval: null });
    };
    return {
      name: store.name,
      kind: 'conditional',
      promises,
      addressOf: async ({ name }) => `${store.name}/${name}`,
      check: async () => ({ rights: [], refusal: null, warnings: [] }),
      look: ({ name }) => send('look', (ageMs) => store.look(name, Math.min(ageMs, promises.readsLagMs))),
      put: (spot, value, seen, sending) => put('put', spot, value.reveal(), seen, by, sending),
      putBack: (spot, memento, seen, sending) =>
        put('putBack', spot, memento as string | null, seen, `undo of ${by}`, sending),
      takeAway: (spot, seen, sending) => put('takeAway', spot, null, seen, 'removal', sending),
    };
  };
  const as = (by: string) => conditionalStore(driver(by), time);
  return {
    ...as(''),
    write: (spot, value, writer, before) => as(writer.rotationId).write(spot, value, writer, before),
    restore: (spot, before, writer, ours, approval) =>
      as(writer.rotationId).restore(spot, before, writer, ours, approval),
  };
}

type Sent<T> = {
  request: Request;
  /** What it does at the other side, in one moment. `ageMs`: how old what it reads may be. */
  effect: (ageMs: number) => T;
  /** What of the effect is there when it only half took place. */
  partly: (ageMs: number) => T;
  /** It never shows what it holds. */
  isBlind?: boolean;
  /** What the other side answers instead, for reasons of its own. */
  refusal: () => KeyturnError | null;
  /** What the client makes of an answer that did not come, or was none. */
  broken: (why: string) => Error;
  /** How late it may still take effect at most, where the client bounds that. */
  longestMs?: number;
  limited: (retryAfterMs: number | null) => KeyturnError;
};

async function overTheWire<T>(attempt: Attempt, world: Surroundings, sent: Sent<T>): Promise<T> {
  const { clock, latencyMs } = world;
  const { longestMs = Number.POSITIVE_INFINITY } = sent;
  const struckBy = strikes(attempt, sent.request) ? attempt.injection : null;
  const stale = attempt.injection?.kind === 'stale read' ? attempt.injection.ageMs : 0;
  attempt.requests += 1;
  if (latencyMs !== null) await clock.wait(latencyMs());
  const refusal = sent.refusal();
  if (refusal !== null) throw refusal;
  if (struckBy === null) {
    const answer = sent.effect(stale);
    if (latencyMs !== null) await clock.wait(latencyMs());
    return answer;
  }

  attempt.strike();
  switch (struckBy.kind) {
    case 'crash before':
      attempt.die(struckBy.downMs);
      if (struckBy.lateMs === null) return never();
      // The worker was only cut off: it goes on, and so does the attempt, though nobody hears of it.
      await clock.wait(Math.min(struckBy.lateMs, longestMs));
      return sent.effect(0);
    case 'crash after':
      sent.effect(0);
      attempt.die(struckBy.downMs);
      return never();
    case 'answer lost':
      sent.effect(0);
      throw sent.broken('the connection broke');
    case 'no turn':
      throw retryAfter(fault('KEYTURN_NOT_SENT', 'it is not its turn'), struckBy.retryAfterMs ?? 61_000);
    case '429':
      throw sent.limited(struckBy.retryAfterMs);
    case '5xx':
      if (struckBy.committed) sent.effect(0);
      throw sent.broken('it answered 502');
    case 'hang':
      if (struckBy.lateMs !== null) clock.after(Math.min(struckBy.lateMs, longestMs), () => quietly(sent.effect));
      else if (struckBy.committed) sent.effect(0);
      await clock.wait(clientTimeoutMs);
      throw sent.broken('no answer in time');
    case 'slow': {
      await clock.wait(Math.min(struckBy.slowMs, longestMs));
      return sent.effect(0);
    }
    case 'stale read':
      return sent.effect(struckBy.ageMs);
    case 'partial write':
      sent.partly(0);
      throw sent.broken('its answer was cut off');
    case 'swallowed':
      // It is said to be done, and readers go on seeing what was there. A store that shows nothing cannot be caught at it.
      return sent.isBlind ? sent.effect(0) : sent.partly(0);
    case 'clock jump': {
      if (struckBy.jumpMs > 0) clock.jump(struckBy.jumpMs);
      world.worker.skewMs = Math.min(struckBy.jumpMs, 0);
      return sent.effect(0);
    }
  }
}

function strikes(attempt: Attempt, request: Request): boolean {
  const { injection: planned, struck, requests, step } = attempt;
  if (planned === null || struck) return false;
  // Everything that such an attempt reads is old.
  if (planned.kind === 'stale read' && reads.has(request)) return true;
  return planned.request === null ? mainRequests[step].includes(request) : planned.request === requests;
}

/** What an effect that comes late meets is nobody's business any more. */
function quietly(effect: (ageMs: number) => unknown): void {
  try {
    effect(0);
  } catch {
    // A closed rotation, a key that is gone: the late request was refused.
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}
