import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { migratedState } from '../../../policy/life/migrations.ts';
import { type PolicyState, stateVersion } from '../../../policy/life/state.ts';
import { historyOf, statusOf } from '../../../policy/life/status.ts';
import { orphansIn } from '../../world/orphans.ts';
import { createWorld, type Planted, type World } from '../../world/world.ts';
import { day, hour } from './states.ts';

type Fixture = Omit<Planted, 'state'> & { scenario: string; at: string; state: unknown };

const folder = new URL('./fixtures/', import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));

test('there are states of every number', () => {
  const numbers = Array.from({ length: stateVersion }, (_, n) => `state-${n + 1}.json`);
  expect(files.sort()).toEqual(numbers);
});

describe.each(files)('%s', (file) => {
  const fixtures: Fixture[] = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));

  test.each(fixtures.map((fixture) => [fixture.scenario, fixture] as const))(
    'a policy that is %s lives for a year from there, readable on every day',
    async (_, { at, state, keys, stores }) => {
      const world = await worldFrom(at, { state: migrated(state), keys, stores });
      const { clock, entity, invariants, policy } = world;
      const wasPaused = entity.state().paused !== null;
      for (let days = 0; days < 365 && !world.hasEnded(); days++) {
        expectReadable(world);
        if (days === 30) await clock.run(entity.send('resume'));
        await clock.run(Promise.race([clock.wait(day), entity.ended]));
      }
      invariants.close();
      expect(invariants.broken).toEqual([]);
      expect(invariants.secondsWithoutValidKey).toBe(0);
      expect(orphansIn(world)).toEqual([]);
      if (entity.state().ending !== null) {
        expect(world.hasEnded()).toBe(true);
        expect(world.openrouter.live()).toEqual([]);
        return;
      }
      expect(entity.state().strays).toEqual([]);
      expect(world.rotations().published).toBeGreaterThanOrEqual(wasPaused ? 333 : 364);
      const held = world.stores.map((store) => store.valueOf(policy.secret.name) ?? '');
      expect(held.map((value) => world.openrouter.keyOf(value)?.hash)).toEqual([entity.state().current?.hash]);
    },
  );

  test('no key is given the number of another', () => {
    for (const { state } of fixtures) {
      const { current, retiring, newestGeneration } = migrated(state);
      const generations = [...retiring, ...(current === null ? [] : [current])].map(({ generation }) => generation);
      expect(newestGeneration).toBeGreaterThanOrEqual(Math.max(0, ...generations));
    }
  });
});

function migrated(passedOn: unknown): PolicyState {
  const read = migratedState(passedOn);
  if (read.is !== 'known') throw new Error(`the state is ${read.is}`);
  return read.value;
}

async function worldFrom(at: string, planted: Planted): Promise<World> {
  const { policy } = planted.state;
  if (policy === null) throw new Error('the state has no policy');
  return createWorld({
    seed: 2,
    startMs: Date.parse(at),
    policy,
    planted,
    injections: () => null,
    propagation: { edges: 1, newKeyMs: () => 30_000, oldKeyMs: () => 60_000 },
    latencyMs: () => 100,
  });
}

function expectReadable({ entity, clock }: World): void {
  const state = entity.state();
  const status = statusOf(state, null, clock.instant());
  expect(status.attention).toEqual([]);
  expect(status.because).not.toBe('');
  expect(historyOf(state).length).toBeGreaterThan(0);
  expect(JSON.parse(JSON.stringify(status))).toEqual(status);
  // A policy that is not paused does something every day.
  const since = Date.parse(clock.instant()) - Date.parse(historyOf(state).at(-1)?.at ?? '');
  if (state.paused === null) expect(since).toBeLessThan(2 * day + hour);
}
