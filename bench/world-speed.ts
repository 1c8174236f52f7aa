import { calmRun } from '../test/world/calm-run.ts';
import { type Figure, median } from './table.ts';

const days = 5_000;
/** After fewer, V8 still compiles anew: what it made of the code fits the first world's closures only. */
const warmUps = 3;
const runs = 3;

/** Rotations of the simulated world in a second of processor time, with nothing in their way; the code is warm. */
export async function worldSpeed(): Promise<Figure[]> {
  for (let n = 0; n < warmUps; n++) await calmRun(days);
  const rates: number[] = [];
  for (let n = 0; n < runs; n++) {
    const { rotations, cpuMs } = await calmRun(days);
    rates.push(rotations / (cpuMs / 1000));
  }
  return [
    {
      id: 'world.rotationsPerSecond',
      name: 'simulated world, rotations a core',
      value: median(rates),
      unit: '/s',
      budget: { atLeast: 5_000 },
    },
  ];
}
