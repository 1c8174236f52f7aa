import { freshKeyring, type Keyring } from '../../keyring/keyring.ts';
import type { Policy } from '../../policy/declared/policy.ts';
import type { PolicyState } from '../../policy/life/state.ts';
import type { Run } from '../../policy/time/schedule.ts';
import { seal, sealingContext } from '../../secrets/seal.ts';
import { Secret } from '../../secrets/secret.ts';
import type { Steps, Ways } from '../../workflows/saga/steps.ts';
import { Clock } from './clock.ts';
import { type Entity, startEntity } from './entity.ts';
import { countInjection, type InjectionSource, type InjectionTable } from './injections.ts';
import { Invariants } from './invariants.ts';
import type { Mutation } from './mutations.ts';
import { longestLingerMs, OpenRouter, type PlantedKey, type Propagation } from './openrouter.ts';
import { Random } from './random.ts';
import { createStepRunner } from './step-runner.ts';
import { MemoryStore, type StoreWatcher } from './store.ts';

export type WorldOptions = {
  seed: number;
  startMs: number;
  policy: Policy;
  injections: InjectionSource;
  propagation: Propagation;
  /** How long one way of a request takes, milliseconds; null: no time passes on it. */
  latencyMs: (() => number) | null;
  /** From then on the time zone of the policy is `shiftMs` later than its rules had said; milliseconds. */
  rules?: { fromMs: number; shiftMs: number };
  /** Asked whenever the state is passed on: whether older code had done it. */
  older?: () => boolean;
  /** The policy lives on from before the world began; where its state is given, so are its keys and secrets. */
  planted?: Planted;
  /** Mutations: what must make the world fail. */
  mutation?: Mutation;
  /** Told the story as it happens. */
  trace?: (line: string) => void;
  onBegin?: () => void;
  onStoreChange?: StoreWatcher;
};

/** The names of all connections; each has an account of its own. */
export const connections = ['main', 'other'];

/** The one store that never shows a value to Keyturn. */
export const writeOnlyStore = 'blind';
export type Planted = {
  state: PolicyState;
  keys: PlantedKey[];
  stores: { store: string; value: string | null }[];
};

/** One policy with its OpenRouter, its stores, its clock and whoever watches them. */
export type World = {
  policy: Policy;
  clock: Clock;
  openrouter: OpenRouter;
  stores: readonly MemoryStore[];
  entity: Entity;
  invariants: Invariants;
  struck: InjectionTable;
  rotations: () => { begun: number; published: number };
  /** The policy's workflow has completed: it was deleted, and nothing is left to do. */
  hasEnded: () => boolean;
};

const keyring: Keyring = freshKeyring();

export function createWorld(options: WorldOptions): World {
  const { policy, mutation = {} } = options;
  const clock = new Clock(options.startMs, () => invariants.look());
  const random = new Random(options.seed);
  const trace = (line: string) => options.trace?.(`${clock.instant()} ${line}`);
  const struck: InjectionTable = new Map();
  let begun = 0;
  let published = 0;

  const invariants: Invariants = new Invariants({
    now: clock.now,
    openrouter: () => openrouter,
    stores: () => stores,
    secretName: policy.secret.name,
    state: () => entity.state(),
    byTheRules,
    lingerMs: longestLingerMs,
  });
  const account = () =>
    new OpenRouter({
      clock,
      random: random.fork(),
      propagation: options.propagation,
      watcher: invariants.upstream,
    });
  const accounts = new Map(connections.map((name) => [name, account()]));
  const openrouter = accounts.get(policy.connection) as OpenRouter;
  for (const one of accounts.values()) one.plantBystanders([policy.key.name, 'keyturn:somebody-else:r1:1']);
  const storeChanged: StoreWatcher = (change) => {
    invariants.storeChanged(change);
    options.onStoreChange?.(change);
  };
  const stores = policy.secret.places.map(
    ({ store: name, required }) =>
      new MemoryStore(name, clock.now, storeChanged, {
        isWriteOnly: name === writeOnlyStore,
        isRequired: required,
      }),
  );
  let rules = { fromMs: Number.POSITIVE_INFINITY, shiftMs: 0 };
  function byTheRules(run: Run): Run {
    if (clock.now() < rules.fromMs || Date.parse(run.utc) < rules.fromMs) return run;
    return { ...run, utc: new Date(Date.parse(run.utc) + rules.shiftMs).toISOString() };
  }

  const { ways, stop, duty, stopDuty, workerUp } = createStepRunner({
    clock,
    accounts,
    stores: new Map(stores.map((store) => [store.name, store])),
    keyring,
    latencyMs: options.latencyMs,
    worker: { skewMs: 0 },
    injections: options.injections,
    onStrike: (step, kind) => countInjection(struck, step, kind),
    onDefect: (what) => invariants.report(`a defect: ${what}`),
    trace,
    ...(mutation.createAttempts === undefined ? {} : { createAttempts: mutation.createAttempts }),
  });

  const ids = random.fork();
  const seen = (way: Steps) => watched((mutation.steps ?? same)(way), invariants);
  const { planted } = options;
  if (planted !== undefined) plant(planted, { openrouter, stores, policy });
  const entity: Entity = startEntity(policy.name, {
    clock,
    ...(planted === undefined ? {} : { state: sealedAnew(planted, policy) }),
    ways: { forward: seen(ways.forward), back: seen(ways.back) } satisfies Ways,
    stop,
    steps: () => seen(duty()),
    stopDuty,
    byTheRules,
    onDeclared: (declared) => invariants.declared(declared),
    mutation,
    ...(options.older === undefined ? {} : { older: options.older }),
    workerUp,
    newRotationId: () => `r${ids.hex(12)}`,
    onBegin: (rotationId, reason) => {
      begun += 1;
      invariants.begun(rotationId, reason, entity.state());
      options.onBegin?.();
    },
    onEnd: (newest) => {
      invariants.ended(newest);
      if (newest.event === 'published') published += 1;
    },
    trace,
  });
  if (options.rules !== undefined) rules = options.rules;
  if (planted !== undefined) {
    invariants.knows(planted.state);
    invariants.declared(policy);
  }
  let hasEnded = false;
  entity.ended.then(
    () => {
      hasEnded = true;
    },
    (error: Error) => invariants.report(`the policy's workflow failed: ${error.stack}`),
  );
  return {
    policy,
    clock,
    openrouter,
    stores,
    entity,
    invariants,
    struck,
    rotations: () => ({ begun, published }),
    hasEnded: () => hasEnded,
  };
}

function plant({ keys, stores: held, state }: Planted, world: Pick<World, 'openrouter' | 'stores' | 'policy'>): void {
  for (const key of keys) world.openrouter.plant(key);
  const secret = { policy: world.policy.name, name: world.policy.secret.name };
  for (const store of world.stores) {
    const value = held.find((one) => one.store === store.name)?.value ?? null;
    if (value !== null) store.plant(secret, value, state.current?.rotationId ?? 'planted');
  }
}

/** The keyring of the world that the state is from is gone. */
function sealedAnew({ state, keys }: Planted, { name }: Policy): PolicyState {
  const { current } = state;
  const secret = keys.find(({ hash }) => hash === current?.hash)?.secret;
  if (current === null || current.sealed === null || secret === undefined) return state;
  const context = sealingContext({ policy: name, rotationId: current.rotationId });
  return { ...state, current: { ...current, sealed: seal(keyring, new Secret(secret), context) } };
}

/** What the saga learns, and when, as the invariants need to know it. */
function watched(steps: Steps, invariants: Invariants): Steps {
  return {
    ...steps,
    createKey: async (input) => {
      const created = await steps.createKey(input);
      invariants.answered(created.hash);
      return created;
    },
    renameKey: (input) => {
      // The saga's first step after every store holds the new key, verified.
      invariants.published(input.hash);
      return steps.renameKey(input);
    },
  };
}

function same(steps: Steps): Steps {
  return steps;
}
