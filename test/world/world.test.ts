import { describe, expect, test } from 'vitest';
import type { StepName } from '../../workflows/saga/step-table.ts';
import { faultySteps, type InjectionKind, injectionKinds } from './injections.ts';
import { mutations } from './mutations.ts';
import { plainPolicy } from './plain-policy.ts';
import { runSeed, type SeedResult } from './run-seed.ts';
import { scriptedWorld } from './scripted-world.ts';

test('three hundred policies live through faults at every step, and no promise breaks', async () => {
  const results: SeedResult[] = [];
  for (let seed = 1; seed <= 300; seed++) results.push(await runSeed(seed));

  const failing = results.filter(({ broken }) => broken.length > 0).map(({ seed, broken }) => ({ seed, broken }));
  expect(failing).toEqual([]);
  const total = (count: (result: SeedResult) => number) => results.reduce((sum, result) => sum + count(result), 0);
  expect(total(({ orphans }) => orphans)).toBe(0);
  expect(total(({ secondsWithoutValidKey }) => secondsWithoutValidKey)).toBe(0);
  expect(total(({ published }) => published)).toBeGreaterThan(1_000);
  const struck = (step: StepName, kind: InjectionKind) => total(({ faults }) => faults.get(step)?.get(kind) ?? 0);
  const steps = Object.values(faultySteps);
  const untried = [
    ...injectionKinds.filter((kind) => steps.every((step) => struck(step, kind) === 0)),
    ...steps.filter((step) => injectionKinds.every((kind) => struck(step, kind) === 0)),
  ];
  expect(untried).toEqual([]);
});

test('a seed tells the same story every time', async () => {
  const story = async () => {
    const lines: string[] = [];
    await runSeed(25, { trace: (line) => lines.push(line) });
    return lines;
  };
  const told = await story();
  expect(told.length).toBeGreaterThan(20);
  expect(await story()).toEqual(told);
});

test('the world notices a key that stops working while nobody does anything', async () => {
  const day = 24 * 3_600_000;
  const key = { ...plainPolicy().key, expiresAfterMs: day + 2 * 3_600_000 };
  const { clock, entity, invariants, policy } = scriptedWorld({ policy: { key } });
  await clock.run(entity.apply(policy).then(() => clock.wait(1.5 * day)));
  expect(invariants.broken).toEqual([expect.stringContaining('I1: store first holds a key that does not work')]);
  expect(invariants.secondsWithoutValidKey).toBeGreaterThan(0);
});

describe('the world notices a saga in which', () => {
  test.each(Object.entries(mutations))('%s', async (_, mutation) => {
    for (let seed = 1; seed <= 60; seed++) {
      const { broken } = await runSeed(seed, { mutation });
      if (broken.length > 0) return;
    }
    throw new Error('sixty seeds noticed nothing');
  });
});
