import type { Tools } from '../../activities/tools.ts';
import { liveSettings } from '../../activities/tools.ts';
import { fault, type KeyturnError, retryAfter } from '../../errors/keyturn-error.ts';
import type { Keyring } from '../../keyring/keyring.ts';
import type { ManagementApi } from '../../openrouter/management-api.ts';
import type { SecretRef, SecretStore } from '../../stores/secret-store.ts';
import type { StepName } from '../../workflows/saga/step-table.ts';
import type { Clock } from './clock.ts';
import type { Injection } from './injections.ts';
import type { Author, OpenRouter } from './openrouter.ts';
import type { MemoryStore } from './store.ts';

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

type Request = keyof ManagementApi | keyof SecretStore;

/** The request that a step is there for: what an injection strikes unless it says otherwise. */
const mainRequests: Record<StepName, readonly Request[]> = {
  createKey: ['createKey'],
  verifyKey: ['currentKey'],
  captureSecret: ['capture'],
  storeSecret: ['write'],
  verifySecret: ['read'],
  restoreSecret: ['restore'],
  removeSecret: ['remove'],
  renameKey: ['patchKey'],
  reapKey: ['listKeys', 'deleteKey'],
  disableKey: ['patchKey'],
  deleteKey: ['deleteKey'],
  planRun: [],
  confirmRun: [],
};

const reads: ReadonlySet<Request> = new Set(['listKeys', 'getKey', 'read']);

/** How long the client waits for an answer (openrouter/client.ts), and how long it takes to hear of a broken one. */
const clientTimeoutMs = 30_000;

/** What a step works with, for one attempt: everything it asks goes over the wire, where the attempt's injection waits. */
export function toolsFor(attempt: Attempt, world: Surroundings): Tools {
  return {
    openrouter: async (connection) => managementApi(attempt, world, connection),
    store: (name) => secretStore(attempt, world, name),
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

function secretStore(attempt: Attempt, world: Surroundings, name: string): SecretStore {
  const store = world.stores.get(name);
  if (store === undefined) throw fault('KEYTURN_STORE_UNKNOWN', name, [...world.stores.keys()]);
  const broken = (why: string) => fault('KEYTURN_STORE_UNAVAILABLE', name, why);
  const refusal = () => (world.clock.now() < store.unavailableUntilMs ? broken('it is down') : null);
  const limited = (ms: number | null) => retryAfter(broken('too many requests'), ms ?? undefined);
  const send = <T>(request: keyof SecretStore, effect: (ageMs: number) => T, partly = effect): Promise<T> =>
    overTheWire(attempt, world, { request, effect, partly, isBlind: store.isWriteOnly, refusal, broken, limited });
  return {
    name,
    check: (secret) => send('check', () => store.check(secret)),
    capture: (secret) => send('capture', () => store.capture(secret)),
    write: (secret, value, rotationId) => {
      const write = (partly: boolean) => () => store.write(secret, value.reveal(), rotationId, partly);
      return send('write', write(false), write(true));
    },
    read: (secret) => send('read', (ageMs) => store.read(secret, ageMs)),
    restore: (secret, before, rotationId) => {
      const restore = (partly: boolean) => () => store.restore(secret, before, rotationId, partly);
      return send('restore', restore(false), restore(true));
    },
    remove: (secret: SecretRef) => send('remove', () => store.remove(secret)),
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
  broken: (why: string) => KeyturnError;
  limited: (retryAfterMs: number | null) => KeyturnError;
};

async function overTheWire<T>(attempt: Attempt, world: Surroundings, sent: Sent<T>): Promise<T> {
  const { clock, latencyMs } = world;
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
      await clock.wait(struckBy.lateMs);
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
      if (struckBy.lateMs !== null) clock.after(struckBy.lateMs, () => quietly(sent.effect));
      else if (struckBy.committed) sent.effect(0);
      await clock.wait(clientTimeoutMs);
      throw sent.broken('no answer in time');
    case 'slow': {
      await clock.wait(struckBy.slowMs);
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
