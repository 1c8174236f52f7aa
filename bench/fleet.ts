import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { simulatorSettings } from '../activities/tools.ts';
import { openMachine } from '../machine/open-machine.ts';
import { newPolicyState } from '../policy/life/state.ts';
import * as after from '../policy/life/transitions.ts';
import { Secret } from '../secrets/secret.ts';
import { startSimulator } from '../simulator/index.ts';
import { startConnectionWorkers } from '../worker/connection-workers.ts';
import { createWorker } from '../worker/create-worker.ts';
import { openTools } from '../worker/open-tools.ts';
import { workflowId, workflowType } from '../workflows/messages.ts';
import { searchAttributes } from '../workflows/search-attributes.ts';
import { benchPolicy, startPolicy } from './policy-runs.ts';
import type { Stack } from './stack.ts';
import type { Figure } from './table.ts';

const policies = 500;
/** Three requests a rotation: a minute at this pace. */
const requestsPerSecond = 25;
const taskQueue = 'bench-fleet';

/**
 * Policies that are all due at one moment, on one connection and two workers, beside what the pace of the connection alone
 * allows; and meanwhile somebody applies a policy on a connection that has nothing to do. OpenRouter is the simulator,
 * which counts the requests; store, client and turns are those of production.
 */
export async function fleet(stack: Stack): Promise<Figure[]> {
  let requests = 0;
  const log = ({ operation }: { operation: string | null }) => {
    if (operation !== 'currentKey') requests += 1;
  };
  const [busy, idle] = [await startSimulator({ log }), await startSimulator()];
  const workers = [await startWorker(stack, { busy, idle }), await startWorker(stack, { busy, idle })];
  const { client, connection } = await stack.client(taskQueue);
  try {
    const began = performance.now();
    await startAll(client);
    await untilPublished(client, policies / 2);
    const applied = performance.now();
    await startPolicy(client, taskQueue, benchPolicy('idle', { connection: 'idle' }));
    const applyS = (performance.now() - applied) / 1000;
    await untilPublished(client, policies);
    const tookS = (performance.now() - began) / 1000;
    const undone = await countOf(client, 'undone');
    return figuresOf({ ratio: tookS / (requests / requestsPerSecond), undone, applyS, requests });
  } finally {
    await connection.close();
    await Promise.all(workers.map(({ close }) => close()));
    await Promise.all([busy.close(), idle.close()]);
  }
}

type Accounts = Record<'busy' | 'idle', { url: string; managementKey: string }>;

/** As a process of its own would be: with its own connection to Temporal, tools and pauses. */
async function startWorker({ address, paths, bundle }: Stack, accounts: Accounts) {
  const env = {};
  const { connections } = await openMachine({ env, cwd: paths.dataDir, paths });
  for (const [name, { url, managementKey }] of Object.entries(accounts)) {
    const kept = { managementKey: new Secret(managementKey), baseUrl: url, requestsPerSecond, replace: true };
    await connections.add(name, kept);
  }
  const perSecond = requestsPerSecond;
  const tools = await openTools({ paths, env, cwd: paths.dataDir, settings: simulatorSettings, perSecond });
  const connection = await NativeConnection.connect({ address });
  const ours = { connection, namespace: 'default', tools, taskQueue };
  const worker = await createWorker({ ...ours, bundle });
  const ofConnections = startConnectionWorkers({ ...ours, ...tools, log: { warn: console.error } });
  const running = worker.run();
  return {
    async close() {
      worker.shutdown();
      await Promise.all([running, ofConnections.close()]);
      await connection.close();
    },
  };
}

/** Each begins with a rotation that is due. */
async function startAll(client: Client): Promise<void> {
  const now = new Date().toISOString();
  const names = Array.from({ length: policies }, (_, n) => `fleet-${n}`).values();
  const hands = Array.from({ length: 20 }, async () => {
    for (const name of names) {
      const state = after.afterApply(newPolicyState(name), benchPolicy(name, { connection: 'busy' }), now, 'first');
      const typedSearchAttributes = [{ key: searchAttributes.connection, value: 'busy' }];
      await client.workflow.start(workflowType, {
        workflowId: workflowId(name),
        taskQueue,
        args: [state],
        typedSearchAttributes,
      });
    }
  });
  await Promise.all(hands);
}

async function untilPublished(client: Client, howMany: number): Promise<void> {
  while ((await countOf(client, 'published')) < howMany) await sleep(250);
}

async function countOf(client: Client, outcome: 'published' | 'undone'): Promise<number> {
  const running = `TaskQueue = "${taskQueue}" AND ExecutionStatus = "Running"`;
  const of = `${searchAttributes.connection.name} = "busy" AND ${searchAttributes.lastOutcome.name} = "${outcome}"`;
  return (await client.workflow.count(`${running} AND ${of}`)).count;
}

function figuresOf(measured: { ratio: number; undone: number; applyS: number; requests: number }): Figure[] {
  const { ratio, undone, applyS, requests } = measured;
  return [
    {
      id: 'fleet.paceRatio',
      name: '500 policies due at once : the pace alone',
      value: ratio,
      unit: '',
      budget: { atMost: 1.1 },
    },
    { id: 'fleet.undone', name: 'rotations of them undone', value: undone, unit: '', budget: { atMost: 0 } },
    {
      id: 'fleet.requests',
      name: 'requests for each of them',
      value: requests / policies,
      unit: '',
      budget: { atMost: 3 },
    },
    {
      id: 'fleet.idleApply',
      name: 'apply on an idle connection meanwhile',
      value: applyS,
      unit: 's',
      budget: { atMost: 2 },
    },
  ];
}
