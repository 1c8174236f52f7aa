import type { Policy } from '../../policy/declared/policy.ts';
import type { StepName } from '../../workflows/saga/step-table.ts';
import type { Injection, InjectionSource } from './injections.ts';
import type { Mutation } from './mutations.ts';
import { plainPolicy } from './plain-policy.ts';
import { createWorld, type World, type WorldOptions } from './world.ts';

export type Scripted = {
  step: StepName;
  injection: Injection;
  /** It strikes attempts from then on, milliseconds after the start. Default: 0. */
  fromMs?: number;
  /** Until then, exclusively. Default: for ever. */
  untilMs?: number;
  /** How many attempts it strikes. Default: 1. */
  times?: number;
};

/** Injections that strike where a test says, and nowhere else. */
export function scriptedInjections(startMs: number, script: readonly Scripted[]): InjectionSource {
  const left = script.map((line) => ({
    fromMs: 0,
    untilMs: Number.POSITIVE_INFINITY,
    ...line,
    times: line.times ?? 1,
  }));
  return (step, now) => {
    const line = left.find(
      ({ fromMs, untilMs, times, step: struck }) =>
        struck === step && times > 0 && now >= startMs + fromMs && now < startMs + untilMs,
    );
    if (line === undefined) return null;
    line.times -= 1;
    return line.injection;
  };
}

/** A world in which only what a test says goes wrong. A new key takes a minute to be known at OpenRouter's three edges. */
export function scriptedWorld(options: {
  script?: readonly Scripted[];
  policy?: Partial<Policy>;
  startMs?: number;
  mutation?: Mutation;
  newKeyMs?: number;
  rules?: WorldOptions['rules'];
}): World {
  const { script = [], policy = {}, startMs = Date.UTC(2026, 0, 1), mutation, newKeyMs = 60_000, rules } = options;
  let asked = 0;
  return createWorld({
    seed: 1,
    startMs,
    policy: plainPolicy(policy),
    injections: scriptedInjections(startMs, script),
    // The edges learn of it one after another: in between it flaps.
    propagation: { edges: 3, newKeyMs: () => Math.round(((asked++ % 3) / 2) * newKeyMs), oldKeyMs: () => 60_000 },
    latencyMs: () => 100,
    ...(mutation === undefined ? {} : { mutation }),
    ...(rules === undefined ? {} : { rules }),
  });
}
