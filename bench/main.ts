/** `npm run bench`: what Keyturn costs, beside what it may cost; docs/benchmarks.md says how each figure is measured. */
import '../test/quiet-runtime.ts';
import { printProgress } from '../engine/progress.ts';
import { codecCost } from './codec-cost.ts';
import { fleet } from './fleet.ts';
import { historyCost } from './history-cost.ts';
import { placeCost } from './place-cost.ts';
import { sleepingHeap } from './sleeping-heap.ts';
import { findTemporal, startStack } from './stack.ts';
import { startUp } from './start-up.ts';
import { stateSize } from './state-size.ts';
import { type Figure, printJson, printTable } from './table.ts';
import { exitOnSignals } from './temp-folder.ts';
import { throughput } from './throughput.ts';
import { workerMemory } from './worker-memory.ts';
import { worldSpeed } from './world-speed.ts';

const progress = printProgress(process.stderr);
const figures: Figure[] = [];

exitOnSignals();
try {
  const temporalCli = await findTemporal(progress);
  // The world first: processor time is counted, and nothing else runs in this process yet.
  await measure('simulated world', worldSpeed);
  await measure('size of the state', stateSize);
  await measure('start-up', () => startUp(temporalCli));
  const stack = await startStack(temporalCli);
  try {
    await measure('throughput', () => throughput(stack));
    await measure('codec', () => codecCost(bareActivitiesPerSecond()));
    await measure('history', () => historyCost(stack));
    await measure('a further place', () => placeCost(stack));
    await measure('memory', () => sleepingHeap(stack));
    await measure('fleet', () => fleet(stack));
  } finally {
    await stack.close();
  }
  // As the kernel of Linux tells it.
  if (process.platform === 'linux') await measure('resident memory', () => residentMemory(temporalCli));
  printTable(figures);
  console.log();
  printJson(figures);
} catch (error) {
  progress.failed(`not measured: ${error instanceof Error ? error.stack : error}`);
  process.exitCode = 1;
}

/** A bare workflow has as many activities as a run with a rotation: seven. */
function bareActivitiesPerSecond(): number {
  return 7 * (figures.find(({ id }) => id === 'throughput.bare')?.value ?? Number.NaN);
}

/** Fewer than bench/container-memory.ts has, and none of them rotates. */
function residentMemory(temporalCli: string): Promise<Figure[]> {
  return workerMemory(temporalCli, { cached: 1_000, rotating: 0, say: () => {} });
}

async function measure(what: string, work: () => Promise<Figure[]>): Promise<void> {
  progress.step(what);
  const started = performance.now();
  figures.push(...(await work()));
  progress.done(`${what}, ${Math.round((performance.now() - started) / 1000)} s`);
}
