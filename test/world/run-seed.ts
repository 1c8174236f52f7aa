import type { Policy } from '../../policy/declared/policy.ts';
import { type InjectionTable, randomInjections } from './injections.ts';
import type { Mutation } from './mutations.ts';
import { longestLingerMs } from './openrouter.ts';
import { orphansIn } from './orphans.ts';
import { Random } from './random.ts';
import { disturb, end, messages, putBack, randomPolicy } from './random-life.ts';
import { createWorld, type World } from './world.ts';

export type SeedResult = {
  seed: number;
  rotations: number;
  published: number;
  faults: InjectionTable;
  /** Live keys upstream, at the end, that the policy's state does not account for. */
  orphans: number;
  secondsWithoutValidKey: number;
  mostLiveKeys: number;
  mostLateKeys: number;
  broken: string[];
};

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Every stray was looked for by then: the last time a day after its rotation, and may be late by an outage. */
const settlingMs = 4 * day;

/** The life of one policy, as its seed draws it; the same seed gives the same life. */
export async function runSeed(
  seed: number,
  options: { mutation?: Mutation; trace?: (line: string) => void } = {},
): Promise<SeedResult> {
  const random = new Random(seed);
  const policy = randomPolicy(random);
  const probability = random.pick([0, 0.02, 0.05, 0.1, 0.25]);
  const [faultDice, netDice, lifeDice] = [random.fork(), random.fork(), random.fork()];
  const storm = randomInjections(faultDice, probability);
  let calm = false;
  const startMs = Date.UTC(2026, random.between(0, 23), random.between(1, 28), random.between(0, 23));

  const world = createWorld({
    seed: random.between(0, 2 ** 31),
    startMs,
    policy,
    injections: (step, now) => (calm ? null : storm(step, now)),
    propagation: {
      edges: random.between(1, 3),
      newKeyMs: () =>
        netDice.chance(0.02) ? netDice.between(4 * minute, 8 * minute) : netDice.between(0, 90 * second),
      oldKeyMs: () => netDice.between(0, longestLingerMs),
    },
    latencyMs: () => netDice.between(20, 400),
    ...(random.chance(0.1) ? { older: () => lifeDice.chance(0.3) } : {}),
    ...(random.chance(0.15)
      ? { rules: { fromMs: startMs + random.between(1, 60) * day, shiftMs: random.pick([-hour, hour, 2 * hour]) } }
      : {}),
    onStoreChange: (change) => !calm && putBack(world, policy, change, lifeDice),
    onBegin: () => !calm && disturb(world, policy, lifeDice, () => calm),
    ...options,
  });
  try {
    await world.clock.run(
      live(world, policy, random, lifeDice, () => {
        calm = true;
      }),
    );
  } catch (error) {
    world.invariants.report(`the world stopped: ${(error as Error).message}`);
  }
  return judged(seed, world, policy);
}

/** Weeks or months with everything that happens to a policy, then, after `quiet`, days in which all is made good. */
async function live(world: World, policy: Policy, random: Random, dice: Random, quiet: () => void): Promise<void> {
  const { clock, entity } = world;
  const spanMs = policy.schedule.every * random.between(4, 10) * day + policy.graceMs;
  await Promise.all([entity.apply(policy), ...messages(world, policy, dice, spanMs)]);
  if (random.chance(0.25)) {
    await end(world, random);
    await Promise.race([clock.wait(policy.graceMs + day), entity.ended]);
  }
  quiet();
  await entity.send('resume');
  const longestMs = settlingMs + policy.schedule.every * day + policy.graceMs + policy.quarantineMs;
  await Promise.race([clock.wait(longestMs), entity.ended]);
  for (let waited = 0; entity.rotating() && waited < 2 * day; waited += minute) await clock.wait(minute);
}

function shelfOf(world: World, store: string) {
  return world.stores.find(({ name }) => name === store);
}

function judged(seed: number, world: World, policy: Policy): SeedResult {
  const { clock, entity, invariants, rotations } = world;
  const state = entity.state();
  invariants.close();
  if (entity.rotating()) invariants.report('I7: the last rotation never ended');
  if (state.ending === null) {
    const since = clock.now() - Date.parse(state.current?.publishedAt ?? new Date(0).toISOString());
    const longest = Math.max(policy.schedule.every * day, policy.graceMs) + 2 * day;
    if (state.policy?.autoRotate && since > longest) invariants.report(`no rotation for ${Math.round(since / hour)} h`);
    if (state.strays.length > 0) invariants.report('a stray was never given up');
    if (state.undoing !== null) invariants.report('an undo never ended');
    for (const { store, holds, changed } of state.places) {
      if (changed === null && holds?.digest !== state.current?.digest) invariants.report(`${store} never got the key`);
      const held = world.openrouter.keyOf(shelfOf(world, store)?.valueOf(policy.secret.name) ?? '');
      const isStale = held?.hash !== state.current?.hash && !invariants.wasTampered;
      if (changed === null && isStale) invariants.report(`${store} holds another key than the policy thinks`);
    }
  } else if (!world.hasEnded()) invariants.report('the deletion of the policy never ended');
  const orphans = orphansIn(world).length;
  if (orphans > 0) invariants.report(`${orphans} orphans`);
  const { secondsWithoutValidKey, mostLiveKeys, mostLateKeys, broken } = invariants;
  const { begun, published } = rotations();
  return {
    seed,
    rotations: begun,
    published,
    faults: world.struck,
    orphans,
    secondsWithoutValidKey,
    mostLiveKeys,
    mostLateKeys,
    broken,
  };
}
