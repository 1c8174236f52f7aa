/**
 * `node bench/container-memory.ts`: what a worker takes in a container of the deployment, as resident memory. 2,000
 * policies in its cache, 600 of them asked to rotate at once, and again. Linux; takes about six minutes. Exits 1 where the
 * worker was killed.
 */
import '../test/quiet-runtime.ts';
import { printProgress } from '../engine/progress.ts';
import { findTemporal } from './stack.ts';
import { printJson, printTable } from './table.ts';
import { exitOnSignals } from './temp-folder.ts';
import { workerMemory } from './worker-memory.ts';

exitOnSignals();
const progress = printProgress(process.stderr);
try {
  const say = (line: string) => progress.done(line);
  const figures = await workerMemory(await findTemporal(progress), { cached: 2_000, rotating: 600, say });
  progress.done('the worker was not killed');
  printTable(figures);
  printJson(figures);
} catch (error) {
  progress.failed(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
// Requests that wait for a worker that was killed keep nobody.
process.exit();
