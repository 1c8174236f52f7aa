import { plainPolicy } from './plain-policy.ts';
import { createWorld } from './world.ts';

const day = 24 * 3_600_000;

/**
 * The world with nothing in its way: one policy that rotates every day, no faults, no delays. What it costs is the cost
 * of saga, lifecycle and steps themselves, and of the world around them.
 */
export async function calmRun(days: number): Promise<{ rotations: number; cpuMs: number }> {
  const policy = plainPolicy();
  const { clock, entity, rotations } = createWorld({
    seed: 1,
    startMs: Date.UTC(2026, 0, 1),
    policy,
    injections: () => null,
    propagation: { edges: 1, newKeyMs: () => 0, oldKeyMs: () => 0 },
    latencyMs: null,
  });
  const before = process.cpuUsage();
  await clock.run(entity.apply(policy).then(() => clock.wait(days * day)));
  const { user, system } = process.cpuUsage(before);
  return { rotations: rotations().published, cpuMs: (user + system) / 1000 };
}
