import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { simulatorSettings, type Tools } from '../activities/tools.ts';
import { openMachine } from '../machine/open-machine.ts';
import type { Policy } from '../policy/declared/policy.ts';
import { Secret } from '../secrets/secret.ts';
import { startSimulator } from '../simulator/index.ts';
import type { Store } from '../stores/store.ts';
import { openTools } from '../worker/open-tools.ts';
import { workflowId } from '../workflows/messages.ts';
import { asleep, benchPolicy, historyOf, startPolicy } from './policy-runs.ts';
import type { Stack } from './stack.ts';
import type { Figure } from './table.ts';
import { tempFolder } from './temp-folder.ts';

const taskQueue = 'bench-places';
const few = 1;
const many = 5;
const rounds = 5;

/** What each further place costs a rotation: plain files, so that the time is ours and Temporal's, not a service's. */
export async function placeCost(stack: Stack): Promise<Figure[]> {
  const simulator = await startSimulator();
  const cwd = tempFolder();
  mkdirSync(join(cwd, 'places'));
  writeFileSync(join(cwd, 'keyturn.yaml'), 'stores: { files: { kind: file, folder: ./places } }\n');
  try {
    const { paths } = stack;
    const { connections } = await openMachine({ env: {}, cwd, paths });
    const main = { managementKey: new Secret(simulator.managementKey), baseUrl: simulator.url, replace: true };
    await connections.add('main', main);
    const real = await openTools({
      ...{ paths, env: {}, cwd, settings: simulatorSettings },
      perSecond: Number.POSITIVE_INFINITY,
    });
    let calls = 0;
    const tools = counted(real, () => {
      calls += 1;
    });
    return await stack.withWorker(taskQueue, tools, async ({ client }) => {
      const measured: Record<number, Run[]> = { [few]: [], [many]: [] };
      for (let round = 0; round < rounds; round++) {
        for (const places of [few, many]) {
          const policy = withPlaces(`places-${places}-${round}`, places);
          calls = 0;
          const began = performance.now();
          await startPolicy(client, taskQueue, policy);
          await asleep(client, policy.name);
          const tookMs = performance.now() - began;
          const { events, steps, bytes } = await historyOf(client, workflowId(policy.name));
          measured[places]?.push({ events: events.length, bytes, steps: steps.length, calls, tookMs });
        }
      }
      const further = (of: keyof Run) =>
        (median(measured[many] ?? [], of) - median(measured[few] ?? [], of)) / (many - few);
      return [
        figure('place.events', 'a further place', further('events'), 'events'),
        figure('place.kilobytes', 'a further place', further('bytes') / 1024, 'KB'),
        figure('place.activities', 'a further place', further('steps'), 'activities'),
        figure('place.calls', 'a further place, calls of its store', further('calls'), 'calls'),
        figure('place.ms', 'a further place', further('tookMs'), 'ms'),
      ];
    });
  } finally {
    await simulator.close();
  }
}

type Run = { events: number; bytes: number; steps: number; calls: number; tookMs: number };

function withPlaces(name: string, count: number): Policy {
  const policy = benchPolicy(name);
  const places = Array.from({ length: count }, (_, n) => {
    return { store: 'files', name: `${name}-${n}`, field: null, required: true };
  });
  return { ...policy, secret: { ...policy.secret, places } };
}

/** Tools whose stores tell of each call of a rotation's steps. */
function counted(tools: Tools, onCall: () => void): Tools {
  const telling =
    <Arguments extends unknown[], Answer>(work: (...args: Arguments) => Answer) =>
    (...args: Arguments): Answer => {
      onCall();
      return work(...args);
    };
  const store = async (name: string): Promise<Store> => {
    const opened = await tools.store(name);
    return {
      ...opened,
      capture: telling(opened.capture),
      write: telling(opened.write),
      read: telling(opened.read),
    };
  };
  return { ...tools, store };
}

function median(runs: readonly Run[], of: keyof Run): number {
  const sorted = runs.map((run) => run[of]).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function figure(id: string, name: string, value: number, unit: string): Figure {
  return { id, name, value, unit, budget: null };
}
