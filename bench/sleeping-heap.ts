import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import type { PolicyState } from '../policy/life/state.ts';
import { workflowId, workflowType } from '../workflows/messages.ts';
import { longLived } from './long-lived.ts';
import { benchPolicy, handedOver, startPolicy } from './policy-runs.ts';
import type { SleepingWorkerReport } from './sleeping-worker.ts';
import type { Stack } from './stack.ts';
import type { Figure } from './table.ts';

const taskQueue = 'bench-sleeping';
/** Asleep before the first look: code is compiled, buffers have grown. */
const before = 50;
const sleeping = 500;

/**
 * What one more cached policy that sleeps holds of the heap of the thread that workflows run in: after all garbage was
 * collected there, with few and with many policies asleep in a worker of its own.
 */
export async function sleepingHeap(stack: Stack): Promise<Figure[]> {
  const worker = fork(
    fileURLToPath(new URL('./sleeping-worker.ts', import.meta.url)),
    [stack.address, taskQueue, stack.paths.keyringFile],
    {
      execArgv: ['--expose-gc'],
    },
  );
  const { client, connection } = await stack.client(taskQueue);
  try {
    await nextReport(worker);
    const state = longLived(await stateOfSleeper(client));
    const few = await heapWith(client, worker, state, 1, before);
    const many = await heapWith(client, worker, state, before + 1, before + sleeping);
    return [
      {
        id: 'memory.sleepingPolicyKilobytes',
        name: 'heap of a cached sleeping policy',
        value: (many.workflowHeap - few.workflowHeap) / sleeping / 1024,
        unit: 'KB',
        budget: { atMost: 75 },
      },
    ];
  } finally {
    await connection.close();
    worker.kill('SIGKILL');
  }
}

/** A policy with its first key, from the worker itself: its state is a real one. */
async function stateOfSleeper(client: Client): Promise<PolicyState> {
  const policy = benchPolicy('sleeper-0');
  await startPolicy(client, taskQueue, policy);
  return handedOver(client, policy.name);
}

/** Puts policies `first` to `last` to sleep beside those that sleep already, and looks. */
async function heapWith(client: Client, worker: ChildProcess, state: PolicyState, first: number, last: number) {
  for (let n = first; n <= last; n++) {
    const name = `sleeper-${n}`;
    await client.workflow.start(workflowType, {
      workflowId: workflowId(name),
      taskQueue,
      args: [{ ...state, name, policy: state.policy && { ...state.policy, name } }],
    });
  }
  let report = await reportOf(worker);
  // The first sleeper is cached too.
  for (; report.cached < last + 1 || report.busy > 0; report = await reportOf(worker)) await sleep(100);
  await client.workflow.execute('collectGarbage', { workflowId: `collect-garbage-${last}`, taskQueue });
  return reportOf(worker);
}

async function reportOf(worker: ChildProcess): Promise<SleepingWorkerReport> {
  worker.send('report');
  return nextReport(worker);
}

async function nextReport(worker: ChildProcess): Promise<SleepingWorkerReport> {
  const done = new AbortController();
  const died = async (): Promise<never> => {
    await once(worker, 'exit', { signal: done.signal });
    throw new Error('the worker with the sleeping policies died');
  };
  try {
    const [report] = await Promise.race([once(worker, 'message', { signal: done.signal }), died()]);
    return report as SleepingWorkerReport;
  } finally {
    done.abort();
  }
}
