/**
 * `npm run world -- [--seeds N] [--seed N]`: the lives of many policies, or the story of one.
 */
import { parseArgs } from 'node:util';
import type { StepName } from '../../workflows/saga/step-table.ts';
import { calmRun } from './calm-run.ts';
import { countInjection, faultySteps, type InjectionTable, injectionKinds } from './injections.ts';
import { runSeed, type SeedResult } from './run-seed.ts';

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '2000' }, seed: { type: 'string' } } });

const alone = values.seed === undefined ? null : wholeNumber('--seed', values.seed);
// Every refused request is an error; noting where errors come from takes a third of the time of a world with faults.
if (alone === null) Error.stackTraceLimit = 0;
const results =
  alone === null
    ? await runSeeds(wholeNumber('--seeds', values.seeds))
    : [await runSeed(alone, { trace: (line) => console.log(line) })];
const failed = results.filter(({ broken }) => broken.length > 0).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function runSeeds(count: number): Promise<SeedResult[]> {
  const before = process.cpuUsage();
  const results: SeedResult[] = [];
  for (let seed = 1; seed <= count; seed++) {
    const result = await runSeed(seed);
    results.push(result);
    if (result.broken.length > 0) printFailure(result);
  }
  const { user, system } = process.cpuUsage(before);
  printSummary(results, (user + system) / 1_000_000);
  await calmRun(5_000); // Until V8 has settled on the code of a world without faults.
  const calm = await calmRun(5_000);
  console.log(`rotations/s a core  ${rate(sum(results, 'rotations'), (user + system) / 1_000_000)} with faults,`);
  console.log(`                    ${rate(calm.rotations, calm.cpuMs / 1000)} without (budget 5,000)`);
  return results;
}

function printFailure({ seed, broken }: SeedResult): void {
  console.log(`seed ${seed} failed; alone: npm run -s world -- --seed ${seed}`);
  for (const what of broken) console.log(`  ${what}`);
}

function printSummary(results: SeedResult[], cpuSeconds: number): void {
  const faults: InjectionTable = new Map();
  for (const result of results) {
    for (const [step, row] of result.faults) for (const [kind, times] of row) countInjection(faults, step, kind, times);
  }
  printFaults(faults);
  const broken = results.reduce((total, result) => total + result.broken.length, 0);
  console.log(`
seeds               ${results.length} in ${cpuSeconds.toFixed(1)} s of processor time
rotations           ${sum(results, 'rotations')}, published ${sum(results, 'published')}
faults injected     ${[...faults.values()].flatMap((row) => [...row.values()]).reduce((total, n) => total + n, 0)}
orphans left        ${sum(results, 'orphans')} after the last look
no valid key for    ${sum(results, 'secondsWithoutValidKey')} s
most live keys      ${most(results, 'mostLiveKeys')}, and ${most(results, 'mostLateKeys')} that arrived over ten minutes late
invariants broken   ${broken}`);
}

function printFaults(faults: InjectionTable): void {
  const steps = Object.entries(faultySteps) as [string, StepName][];
  console.log(`${'faults injected'.padEnd(15)}${steps.map(([word]) => word.padStart(10)).join('')}`);
  for (const kind of injectionKinds) {
    const cells = steps.map(([, step]) => String(faults.get(step)?.get(kind) ?? 0).padStart(10));
    console.log(`${kind.padEnd(15)}${cells.join('')}`);
  }
}

function sum(results: SeedResult[], field: 'rotations' | 'published' | 'orphans' | 'secondsWithoutValidKey'): number {
  return results.reduce((total, result) => total + result[field], 0);
}

function most(results: SeedResult[], field: 'mostLiveKeys' | 'mostLateKeys'): number {
  return Math.max(...results.map((result) => result[field]));
}

function rate(rotations: number, seconds: number): string {
  return Math.round(rotations / seconds).toLocaleString('en');
}

function wholeNumber(option: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  console.error(`${option} takes a whole number, not "${text}".`);
  process.exit(2);
}
